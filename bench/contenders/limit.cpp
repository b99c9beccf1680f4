// The practical limit: LANES networks side by side in vector registers, every size a constant,
// exp and log as polynomials, the gradient of a weight summed over samples in a register and used
// for its update at once. Written for one topology, one loss and one optimizer.

#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

#ifndef LANES
#define LANES 8
#endif

typedef float V __attribute__((vector_size(4 * LANES)));
typedef int32_t I __attribute__((vector_size(4 * LANES)));
typedef double D __attribute__((vector_size(8 * LANES)));

constexpr int SAMPLES = 16;
constexpr int WIDTHS[] = {16, 8, 4, 8, 16};
constexpr int PARAMETERS = 356;
constexpr float RATE = 0.001f, RHO = 0.9f, EPSILON = 1e-8f;
constexpr float CLIP_LOGIT = 15.942385f;  // of float32(1 - 1e-7), the bound that is reached first
constexpr float LOW_LOGIT = -16.118096f;  // of 1e-7

inline V splat(float x) { return x - V{}; }
inline V choose(I mask, V a, V b) { return (V)((mask & (I)a) | (~mask & (I)b)); }
inline V clamp(V x, float low, float high) {
    x = choose(x < splat(low), splat(low), x);
    return choose(x > splat(high), splat(high), x);
}

inline V exp_v(V x) {  // Cody and Waite, |x| < 87
    const V magic = splat(12582912.0f);
    const V shifted = x * 1.44269504f + magic;
    const V n = shifted - magic;
    const V r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    V p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const I power = ((I)shifted - (I)magic + 127) << 23;
    return p * (V)power;
}

inline V log_v(V x) {  // Cephes, normal positive x
    I exponent = ((I)x - 0x3f3504f3) >> 23;
    const V f = (V)((I)x - (exponent << 23)) - 1.0f;
    const V e = __builtin_convertvector(exponent, V);
    const V z = f * f;
    V p = splat(7.0376836292e-2f);
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    V y = p * f * z - e * 2.12194440e-4f;
    y = y - z * 0.5f;
    return f + y + e * 0.693359375f;
}

inline V sqrt_v(V x) {
    V y;
    for (int i = 0; i < LANES; ++i) y[i] = __builtin_sqrtf(x[i]);
    return y;
}

// The first layer's inputs are numbers shared by all lanes; every other layer's are vectors.
struct Shared {
    const float* at;
    V operator()(int sample, int unit, int width) const { return splat(at[sample * width + unit]); }
};
struct PerLane {
    const V* at;
    V operator()(int sample, int unit, int width) const { return at[sample * width + unit]; }
};

// W: OUT x IN weights then OUT biases. z: SAMPLES x OUT pre-activations.
template <int IN, int OUT, class Inputs>
inline void forward(const V* __restrict W, Inputs in, V* __restrict z) {
    constexpr int BS = 4, BO = 4;
    for (int s = 0; s < SAMPLES; s += BS)
        for (int o = 0; o < OUT; o += BO) {
            V sum[BS][BO];
            for (int a = 0; a < BS; ++a)
                for (int b = 0; b < BO; ++b) sum[a][b] = W[OUT * IN + o + b];
            for (int i = 0; i < IN; ++i)
                for (int a = 0; a < BS; ++a) {
                    const V x = in(s + a, i, IN);
                    for (int b = 0; b < BO; ++b) sum[a][b] += W[(o + b) * IN + i] * x;
                }
            for (int a = 0; a < BS; ++a)
                for (int b = 0; b < BO; ++b) z[(s + a) * OUT + o + b] = sum[a][b];
        }
}

template <int COUNT>
inline void sigmoid(V* __restrict z) {
    for (int i = 0; i < COUNT; ++i) z[i] = 1.0f / (1.0f + exp_v(clamp(-z[i], -87.0f, 87.0f)));
}

// delta_in = (W^T delta_out) a (1 - a), a the activations between the layers.
template <int IN, int OUT>
inline void backward(const V* __restrict W, const V* __restrict delta, const V* __restrict a,
                     V* __restrict delta_in) {
    constexpr int BS = 4, BI = 4;
    for (int s = 0; s < SAMPLES; s += BS)
        for (int i = 0; i < IN; i += BI) {
            V sum[BS][BI] = {};
            for (int o = 0; o < OUT; ++o)
                for (int c = 0; c < BS; ++c) {
                    const V d = delta[(s + c) * OUT + o];
                    for (int b = 0; b < BI; ++b) sum[c][b] += W[o * IN + i + b] * d;
                }
            for (int c = 0; c < BS; ++c)
                for (int b = 0; b < BI; ++b) {
                    const V v = a[(s + c) * IN + i + b];
                    delta_in[(s + c) * IN + i + b] = sum[c][b] * (v - v * v);
                }
        }
}

inline void rmsprop(V& p, V& a, V g) {
    a = a * RHO + (1.0f - RHO) * (g * g);
    p -= RATE * g / (sqrt_v(a) + EPSILON);
}

template <int IN, int OUT, class Inputs>
inline void update(V* __restrict W, V* __restrict A, const V* __restrict delta, Inputs in) {
    constexpr int BO = 4, BI = 4;
    for (int o = 0; o < OUT; o += BO) {
        for (int i = 0; i < IN; i += BI) {
            V sum[BO][BI] = {};
            for (int s = 0; s < SAMPLES; ++s)
                for (int c = 0; c < BI; ++c) {
                    const V x = in(s, i + c, IN);
                    for (int b = 0; b < BO; ++b) sum[b][c] += delta[s * OUT + o + b] * x;
                }
            for (int b = 0; b < BO; ++b)
                for (int c = 0; c < BI; ++c) {
                    const int k = (o + b) * IN + i + c;
                    rmsprop(W[k], A[k], sum[b][c]);
                }
        }
        for (int b = 0; b < BO; ++b) {
            V sum = {};
            for (int s = 0; s < SAMPLES; ++s) sum += delta[s * OUT + o + b];
            rmsprop(W[OUT * IN + o + b], A[OUT * IN + o + b], sum);
        }
    }
}

constexpr int offset(int layer) {
    int sum = 0;
    for (int l = 0; l < layer; ++l) sum += (WIDTHS[l] + 1) * WIDTHS[l + 1];
    return sum;
}
static_assert(offset(4) == PARAMETERS, "the topology");

// One epoch of LANES networks; returns their losses before the update.
inline D epoch(V* __restrict p, V* __restrict a, const float* __restrict x) {
    constexpr int A = WIDTHS[0], B = WIDTHS[1], C = WIDTHS[2], E = WIDTHS[3], F = WIDTHS[4];
    V h1[SAMPLES * B], h2[SAMPLES * C], h3[SAMPLES * E], y[SAMPLES * F];
    V d1[SAMPLES * B], d2[SAMPLES * C], d3[SAMPLES * E];
    V *p1 = p, *p2 = p + offset(1), *p3 = p + offset(2), *p4 = p + offset(3);
    V *a1 = a, *a2 = a + offset(1), *a3 = a + offset(2), *a4 = a + offset(3);
    forward<A, B>(p1, Shared{x}, h1);
    sigmoid<SAMPLES * B>(h1);
    forward<B, C>(p2, PerLane{h1}, h2);
    sigmoid<SAMPLES * C>(h2);
    forward<C, E>(p3, PerLane{h2}, h3);
    sigmoid<SAMPLES * E>(h3);
    forward<E, F>(p4, PerLane{h3}, y);
    D total = {};
    constexpr float share = 1.0f / (SAMPLES * F);
    for (int i = 0; i < SAMPLES * F; ++i) {  // -t log y - (1 - t) log(1 - y), y clipped
        const V z = clamp(y[i], LOW_LOGIT, CLIP_LOGIT);
        const V grown = 1.0f + exp_v(-z);
        const V loss = log_v(grown) + (1.0f - x[i]) * z;
        total += __builtin_convertvector(loss, D);
        const V delta = (1.0f / grown - x[i]) * share;
        y[i] = choose(z == y[i], delta, V{});
    }
    backward<E, F>(p4, y, h3, d3);
    update<E, F>(p4, a4, y, PerLane{h3});
    backward<C, E>(p3, d3, h2, d2);
    update<C, E>(p3, a3, d3, PerLane{h2});
    backward<B, C>(p2, d2, h1, d1);
    update<B, C>(p2, a2, d2, PerLane{h1});
    update<A, B>(p1, a1, d1, Shared{x});
    return total / (double)(SAMPLES * F);
}

}  // namespace

extern "C" int lanes() { return LANES; }

// parameters, squares: blocks x PARAMETERS x LANES. inputs: SAMPLES x 16. losses: blocks x LANES.
extern "C" void advance(float* parameters, float* squares, const float* inputs, double* losses,
                        int blocks, int64_t epochs) {
    for (int block = 0; block < blocks; ++block) {
        alignas(64) V p[PARAMETERS], a[PARAMETERS];
        float *from_p = parameters + block * PARAMETERS * LANES;
        float *from_a = squares + block * PARAMETERS * LANES;
        std::memcpy(p, from_p, sizeof p);
        std::memcpy(a, from_a, sizeof a);
        D loss = {};
        for (int64_t t = 0; t < epochs; ++t) loss = epoch(p, a, inputs);
        std::memcpy(from_p, p, sizeof p);
        std::memcpy(from_a, a, sizeof a);
        for (int i = 0; i < LANES; ++i) losses[block * LANES + i] = loss[i];
    }
}
