"""The browser of the tests sees what it is there to see."""

import pytest

from tests.browser import needs_browser, visiting

pytestmark = needs_browser


def test_visit_hears_errors_and_requests(tmp_path):
    picture = tmp_path / "missing.png"
    file = tmp_path / "page.html"
    file.write_text(f"<img src='{picture.as_uri()}'><script>nothing.here</script>")
    with visiting() as visit:
        visit.page.goto(file.as_uri())
        visit.page.wait_for_load_state()
        assert visit.requests == [file.as_uri(), picture.as_uri()]
        assert any("nothing is not defined" in error for error in visit.errors)


def test_visit_to_a_quiet_page_hears_nothing(tmp_path):
    file = tmp_path / "page.html"
    file.write_text("<title>quiet</title>")
    with visiting() as visit:
        visit.page.goto(file.as_uri())
        assert (visit.page.title(), visit.errors) == ("quiet", [])
        assert visit.requests == [file.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_visit_is_in_the_colour_scheme_asked_for(scheme):
    with visiting(scheme=scheme) as visit:
        assert visit.page.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
