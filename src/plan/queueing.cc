// Sums over what a request may meet: the number n it finds or runs with, the prompts of others that
// fall into its time, the length of its answer. Quantiles by bisection of the distribution.

#include "plan/queueing.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace puna::plan {
namespace {

constexpr int kCrowds = 32;   // numbers of others that stand for the distribution, equally likely
constexpr int kLengths = 20;  // lengths of answers, equally likely
constexpr int kPromptsBefore = 10;
constexpr double kQuantile = 0.95;

double normal_cdf(double value) { return 0.5 * std::erfc(-value / std::sqrt(2.0)); }

// P(count or fewer), where each that comes brings `echo` more on average (0: Poisson): a time that
// each arrival makes longer, so that more arrive in it. Consul's generalised Poisson distribution.
double arrivals_cdf(double count, double mean, double echo = 0) {
  if (count < 0) return 0;
  if (mean <= 0) return 1;
  constexpr double kMeanMax = 300;
  const double first = mean * (1 - echo);
  if (mean > kMeanMax) {
    const double deviation = std::sqrt(mean) / (1 - echo);
    return normal_cdf((count + 0.5 - mean) / deviation);
  }
  double sum = 0;
  for (double k = 0; k <= std::floor(count) && sum < 1 - 1e-9; ++k) {
    sum += std::exp(std::log(first) + (k - 1) * std::log(first + k * echo) - first - k * echo -
                    std::lgamma(k + 1));
  }
  return std::min(1.0, sum);
}

double quantile(double scale, const std::function<double(double)>& cdf) {
  constexpr int kHalvings = 30;
  constexpr double kLongest = 1e7;
  double high = scale;
  while (cdf(high) < kQuantile && high < kLongest) high *= 2;
  double low = 0;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (cdf(middle) < kQuantile ? low : high) = middle;
  }
  return high;
}

// What one replica does with n in it.
class Server {
 public:
  Server(const Workload& workload, const BatchSpeed& speed)
      : workload_(workload),
        speed_(speed),
        streams_(static_cast<int>(speed.step_seconds.size()) - 1) {}

  int streams() const { return streams_; }
  int running(double n) const { return static_cast<int>(std::min<double>(n, streams_)); }
  double step(double n) const { return speed_.step_seconds[static_cast<size_t>(running(n))]; }
  // What a prompt adds to the time of n who run.
  double extra(double n) const {
    const double with = speed_.prompt_seconds[static_cast<size_t>(running(n))];
    return std::max(0.0, with - speed_.prompt_steps * step(n));
  }
  // Per token of each who runs, all prompts of n included.
  double token_seconds(double n) const {
    return step(n) + running(n) * extra(n) / workload_.answer_tokens;
  }
  double departures(double n) const {
    return running(n) / (workload_.answer_tokens * token_seconds(n));
  }

 private:
  const Workload& workload_;
  const BatchSpeed& speed_;
  int streams_;
};

// Probabilities of 0 .. users in the server.
std::vector<double> distribution(const Server& server, double users, double think_seconds) {
  std::vector<double> logs = {0};
  for (double n = 0; n < users; ++n) {
    logs.push_back(logs.back() +
                   std::log(std::min(users - n, users) / think_seconds / server.departures(n + 1)));
  }
  const double most = *std::max_element(logs.begin(), logs.end());
  for (double& one : logs) one = std::exp(one - most);
  const double sum = std::accumulate(logs.begin(), logs.end(), 0.0);
  for (double& one : logs) one /= sum;
  return logs;
}

// Equally likely values of the distribution, the middle of each part.
std::vector<double> crowds(const std::vector<double>& weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> all;
  double sum = 0;
  for (size_t n = 0; n < weights.size(); ++n) {
    sum += weights[n] / total;
    while (all.size() < kCrowds && (static_cast<double>(all.size()) + 0.5) / kCrowds <= sum) {
      all.push_back(static_cast<double>(n));
    }
  }
  while (all.size() < kCrowds) all.push_back(static_cast<double>(weights.size() - 1));
  return all;
}

// P(first token within t | it finds n others).
double first_token_cdf(const Server& server, const Workload& workload, const BatchSpeed& speed,
                       double n, double t) {
  const double others = std::min<double>(n, server.streams() - 1);
  const double own = speed.prompt_seconds[static_cast<size_t>(others + 1)];
  if (n == 0) return t >= speed.prompt_seconds[1] ? 1 : 0;
  const double step = server.step(others);
  const double extra = server.extra(others);
  if (n >= server.streams()) {  // n - streams + 1 must go before
    const double before = n - server.streams();
    const double left = t - own;
    if (left <= 0) return 0;
    return 1 - arrivals_cdf(before, server.departures(n) * left);
  }
  const double arrivals = std::max(0.0, workload.users - 1 - n) / workload.think_seconds;
  const double prompt = speed.prompt_steps * step + extra;
  const double cycle = workload.answer_tokens * step + others * extra;
  const double prompt_share = std::min(1.0, others * prompt / cycle);
  // Of a queue with steady service: how likely one more prompt waits.
  const double one_more = prompt_share / (2 - prompt_share);
  const double between = step * arrivals / 2;  // prompts that came in the same plain step
  double sum = 0;
  double queued = 1 - one_more;
  double came = std::exp(-between);
  for (int k = 0; k < kPromptsBefore; ++k) {
    const double left = t - own - k * prompt;
    sum += prompt_share * queued * std::clamp(left / prompt, 0.0, 1.0);
    sum += (1 - prompt_share) * came * std::clamp(left / step, 0.0, 1.0);
    queued *= one_more;
    came *= between / (k + 1);
  }
  return sum;
}

double length_of(const Workload& workload, int part) {
  const double share = (part + 0.5) / kLengths;
  return std::max(1.0, -workload.answer_tokens * std::log(1 - share));
}

// P(mean time per token <= t | n run), over lengths and the prompts that fall into them.
double per_token_cdf(const Server& server, const Workload& workload, double n, double t) {
  const double step = server.step(n);
  const double extra = server.extra(n);
  if (t < step) return 0;
  const double others = std::max(0, server.running(n) - 1);
  if (extra <= 0 || others == 0) return 1;
  const double answer = workload.answer_tokens;
  const double echo = others * extra / (answer * step + others * extra);
  double sum = 0;
  for (int part = 0; part < kLengths; ++part) {
    const double length = length_of(workload, part);
    sum += arrivals_cdf((t - step) * length / extra, others * length / answer, echo);
  }
  return sum / kLengths;
}

template <typename Cdf>
double mean_over(const std::vector<double>& numbers, Cdf cdf) {
  double sum = 0;
  for (const double n : numbers) sum += cdf(n);
  return sum / static_cast<double>(numbers.size());
}

// The distributions of what 95 of 100 requests see.
class Chances {
 public:
  Chances(const Workload& given, const BatchSpeed& speed)
      : workload_(given), speed_(speed), server_(workload_, speed) {
    constexpr double kThinkMin = 1e-3;
    workload_.think_seconds = std::max(kThinkMin, given.think_seconds);
    const double most = server_.departures(server_.streams());
    // Beyond this many the server is always full, and each user more waits one answer longer.
    constexpr double kFarBeyond = 4;
    const double users_max =
        std::floor(kFarBeyond * (most * workload_.think_seconds + server_.streams()));
    is_saturated_ = workload_.users > users_max;
    workload_.users = std::min(workload_.users, users_max);
    now_ = distribution(server_, workload_.users, workload_.think_seconds);
    found_ = crowds(distribution(server_, workload_.users - 1, workload_.think_seconds));
    met_ = crowds(served());
  }

  bool is_saturated() const { return is_saturated_; }

  Forecast means() const {
    Forecast result = {.is_saturated = is_saturated_};
    const std::vector<double> rates = served();
    for (size_t n = 0; n < now_.size(); ++n) {
      result.running += now_[n] * server_.running(static_cast<double>(n));
      result.tokens_per_second += rates[n] * workload_.answer_tokens;
    }
    return result;
  }

  double first_token(double t) const {
    return mean_over(found_,
                     [&](double n) { return first_token_cdf(server_, workload_, speed_, n, t); });
  }
  double per_token(double t) const {
    return mean_over(met_, [&](double n) { return per_token_cdf(server_, workload_, n, t); });
  }
  double answer(double t) const {
    return mean_over(found_, [&](double n) {
      const double before = std::max(0.0, n - server_.streams() + 1);
      const double wait = before > 0 ? before / server_.departures(n) : server_.step(n) / 2;
      const double first = speed_.prompt_seconds[static_cast<size_t>(server_.running(n + 1))];
      const double left = std::max(0.0, t - wait - first);
      return 1 - std::exp(-left / (workload_.answer_tokens * server_.token_seconds(n + 1)));
    });
  }

 private:
  // Answers that end a second, by how many were there.
  std::vector<double> served() const {
    std::vector<double> rates(now_.size());
    for (size_t n = 1; n < now_.size(); ++n) {
      rates[n] = now_[n] * server_.departures(static_cast<double>(n));
    }
    return rates;
  }

  Workload workload_;
  const BatchSpeed& speed_;
  Server server_;  // reads workload_
  bool is_saturated_ = false;
  std::vector<double> now_;
  std::vector<double> found_;  // by who arrives
  std::vector<double> met_;    // by who is answered
};

}  // namespace

double throughput(const Workload& workload, const BatchSpeed& speed, int rows) {
  const Server server(workload, speed);
  return server.running(rows) / server.token_seconds(rows);
}

bool is_in_time(const Workload& workload, const BatchSpeed& speed, double ttft, double tpot) {
  const Chances chances(workload, speed);
  return !chances.is_saturated() && chances.first_token(ttft) >= kQuantile &&
         chances.per_token(tpot) >= kQuantile;
}

Forecast forecast(const Workload& workload, const BatchSpeed& speed) {
  const Chances chances(workload, speed);
  Forecast result = chances.means();
  const double scale = speed.step_seconds[1];
  result.ttft_p95 = quantile(scale, [&](double t) { return chances.first_token(t); });
  result.tpot_p95 = quantile(scale, [&](double t) { return chances.per_token(t); });
  result.answer_p95 = quantile(scale, [&](double t) { return chances.answer(t); });
  return result;
}

}  // namespace puna::plan
