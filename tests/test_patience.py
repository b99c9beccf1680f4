"""Reports become rarer where they are slow."""

from sweep.running.patience import pause_after


def test_a_quick_report_is_followed_after_the_least_pause():
    assert pause_after(0.01, least=0.25) == 0.25


def test_a_slow_report_is_followed_after_ten_times_what_it_took():
    assert pause_after(3.0, least=0.25) == 30.0
