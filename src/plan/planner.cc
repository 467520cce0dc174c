// Every instance with every format and degree is tried; a device's speed depends on no instance, so
// equal replicas are judged once.

#include "plan/planner.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/bytes.h"
#include "model/llama_shapes.h"
#include "model/model_sizes.h"
#include "stablehlo/tensor_parallel.h"

namespace puna::plan {
namespace {

// What the runtime of a device, or the system of a machine, keeps for itself.
constexpr double kUsableShare = 0.9;
constexpr double kUsableShareOfNode = 0.84;  // a pod's limit is 0.85 of it
constexpr double kUsersMax = 100000;

bool is_cpu(const Instance& instance) { return instance.device.kind == DeviceKind::kCpu; }

// K and V are held several times where there are more devices than KV heads.
double kv_copies(const LlamaConfig& config, int degree) {
  const auto sizes = stablehlo::shard_sizes(config, degree);
  return static_cast<double>(sizes.kv_heads * degree) / config.num_key_value_heads;
}

MemoryUse use_of(const PlanRequest& request, WeightFormat format, int64_t streams) {
  return {.format = format,
          .kv_type = format == WeightFormat::kF32 ? KvCacheType::kF32 : KvCacheType::kBf16,
          .context = request.context,
          .streams = streams};
}

int64_t memory_of(const Instance& instance, int degree) {
  if (!is_cpu(instance)) {
    return static_cast<int64_t>(instance.device.memory_bytes * degree * kUsableShare);
  }
  const double share = instance.name == "here" ? kUsableShare : kUsableShareOfNode;
  return static_cast<int64_t>(instance.memory_bytes * share);
}

int64_t streams_of(const PlanRequest& request, const Instance& instance, WeightFormat format,
                   int degree) {
  const MemoryUse use = use_of(request, format, 1);
  const MemoryNeed need = memory_need(request.config, *request.weights, use);
  const int64_t fitting = streams_that_fit(request.config, need, use, memory_of(instance, degree));
  return std::min<int64_t>(
      static_cast<int64_t>(static_cast<double>(fitting) / kv_copies(request.config, degree)),
      request.streams_max);
}

bool has_shape(const LlamaConfig& config, const std::string& name) {
  const auto shape = find_llama_shape(name);
  return shape && shape->hidden_size == config.hidden_size &&
         shape->num_hidden_layers == config.num_hidden_layers &&
         shape->intermediate_size == config.intermediate_size &&
         shape->num_key_value_heads == config.num_key_value_heads &&
         shape->vocab_size == config.vocab_size;
}

// What one replica can do, whatever machine it is on.
struct Replica {
  BatchSpeed speed;
  double users_max = 0;
  double throughput_max = 0;
  double steady_throughput = 0;  // with the time per token in its limit
  std::string limited_by;
};

double depth_of(const Workload& workload) {
  return workload.prompt_tokens + workload.answer_tokens / 2;
}

BatchSpeed batch_speed(const SpeedModel& model, const Workload& workload, int streams) {
  BatchSpeed speed;
  speed.prompt_steps =
      static_cast<int>(std::ceil(workload.prompt_tokens / SpeedModel::kChunkTokens));
  for (int rows = 0; rows <= streams; ++rows) {
    const double depth = depth_of(workload);
    speed.step_seconds.push_back(
        model.step_seconds({.rows = static_cast<double>(rows), .depth = depth}));
    speed.prompt_seconds.push_back(
        model.prompt_seconds(workload.prompt_tokens, std::max(0, rows - 1), depth));
  }
  return speed;
}

double users_in_time(const PlanRequest& request, const BatchSpeed& speed) {
  const auto fits = [&](double users) {
    Workload workload = request.workload;
    workload.users = users;
    return is_in_time(workload, speed, request.ttft_limit, request.tpot_limit);
  };
  if (!fits(1)) return 0;
  double low = 1;
  double high = 2;
  while (high <= kUsersMax && fits(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const double middle = std::floor((low + high) / 2);
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

std::string limit_words(const PlanRequest& request, const SpeedModel& model, const Replica& replica,
                        int streams) {
  const double full = streams / std::max(1e-12, replica.throughput_max);  // a token of each
  if (full <= request.tpot_limit && streams < request.streams_max) {
    return fmt::format("KV memory ({} streams)", streams);
  }
  if (full <= request.tpot_limit) return fmt::format("{} streams", streams);
  switch (
      model.bound({.rows = static_cast<double>(streams), .depth = depth_of(request.workload)})) {
    case SpeedModel::Bound::kMemory:
      return "memory bandwidth";
    case SpeedModel::Bound::kCompute:
      return "arithmetic";
    case SpeedModel::Bound::kLayers:
      return "time of each layer";
  }
  return {};
}

Replica judge(const PlanRequest& request, const SpeedModel& model, int streams) {
  Replica replica;
  replica.speed = batch_speed(model, request.workload, streams);
  replica.users_max = users_in_time(request, replica.speed);
  replica.throughput_max = throughput(request.workload, replica.speed, streams);
  for (int rows = 1; rows <= streams; ++rows) {
    const double rate = throughput(request.workload, replica.speed, rows);
    if (rows / rate <= request.tpot_limit) replica.steady_throughput = rate;
  }
  replica.limited_by = limit_words(request, model, replica, streams);
  return replica;
}

class Planner {
 public:
  Planner(const PlanRequest& request, const Catalogue& catalogue)
      : request_(request), catalogue_(catalogue) {}

  Plan run(const std::vector<Instance>& instances) {
    for (const Instance& instance : instances) add(instance);
    std::sort(plan_.options.begin(), plan_.options.end(), is_better);
    if (!plan_.options.empty()) {
      const PlanOption& first = plan_.options.front();
      plan_.degrees = degree_verdicts(request_, first.instance, first.format);
    }
    return std::move(plan_);
  }

 private:
  static bool is_better(const PlanOption& a, const PlanOption& b) {
    if (a.misses.empty() != b.misses.empty()) return a.misses.empty();
    // The nearest: one that is only too dear, else the one that is the least too slow.
    if ((a.users_max > 0) != (b.users_max > 0)) return a.users_max > 0;
    if (a.users_max <= 0 && a.alone_tpot != b.alone_tpot) return a.alone_tpot < b.alone_tpot;
    if (a.month() != b.month()) return a.month() < b.month();
    if (a.format != b.format) return a.format < b.format;  // more bits
    const double users_a = a.users_max * a.replicas;
    const double users_b = b.users_max * b.replicas;
    return users_a != users_b ? users_a > users_b : a.instance.name < b.instance.name;
  }

  void add(const Instance& instance) {
    std::vector<PlanOption> options;
    std::string reason;
    for (const WeightFormat format : instance.device.formats) {
      if (request_.format && format != *request_.format) continue;
      for (const DegreeVerdict& degree : degree_verdicts(request_, instance, format)) {
        if (!degree.refusal.empty()) {
          if (degree.divides || reason.empty()) reason = degree.refusal;
          continue;
        }
        options.push_back(option(instance, format, degree));
      }
    }
    if (options.empty()) {
      if (reason.empty())
        reason = fmt::format("no weights of {} there", describe(*request_.format));
      plan_.refused.push_back({instance.name, reason});
      return;
    }
    plan_.options.push_back(*std::min_element(options.begin(), options.end(), is_better));
  }

  const Replica& replica_of(const Instance& instance, WeightFormat format, int degree,
                            int streams) {
    const int devices = is_cpu(instance) ? instance.device_count : degree;
    const std::string key =
        fmt::format("{} {} {} {}", instance.device.name, devices, describe(format), streams);
    const auto found = replicas_.find(key);
    if (found != replicas_.end()) return found->second;
    const SpeedModel model = speed_of(request_, instance.device, format, devices);
    return replicas_[key] = judge(request_, model, streams);
  }

  PlanOption option(const Instance& instance, WeightFormat format, const DegreeVerdict& degree) {
    PlanOption one;
    one.instance = instance;
    one.format = format;
    one.degree = degree;
    one.disk_hour = instance.hour > 0 ? catalogue_.node_disk_hour : 0;
    one.streams = static_cast<int>(streams_of(request_, instance, format, degree.degree));
    one.memory_bytes = memory_of(instance, degree.degree);
    one.need =
        memory_need(request_.config, *request_.weights, use_of(request_, format, one.streams));
    one.need.kv_bytes = static_cast<int64_t>(static_cast<double>(one.need.kv_bytes) *
                                             kv_copies(request_.config, degree.degree));
    one.replicas_per_instance = is_cpu(instance) ? 1 : instance.device_count / degree.degree;
    const Replica& replica = replica_of(instance, format, degree.degree, one.streams);
    one.users_max = replica.users_max;
    one.throughput_max = replica.throughput_max;
    one.limited_by = replica.limited_by;
    one.alone_tpot = replica.speed.step_seconds[1];
    one.alone_ttft = replica.speed.prompt_seconds[1];
    if (instance.name == "here") one.origin = Origin::kMeasured;
    for (const Figure& figure : catalogue_.figures) {
      if (figure.instance == instance.name && has_shape(request_.config, figure.shape)) {
        one.figures.push_back(figure);
      }
    }
    count(replica, one);
    return one;
  }

  // Replicas and instances, and what is not kept with any number of them.
  void count(const Replica& replica, PlanOption& one) const {
    const double wanted = request_.tokens_per_second.value_or(request_.workload.users);
    const double each = request_.tokens_per_second ? replica.steady_throughput : one.users_max;
    const double replicas = each > 0 ? std::ceil(wanted / each) : 1;
    one.replicas = static_cast<int>(std::min<double>(replicas, kReplicasMax));
    if (one.instance.name == "here") one.replicas = 1;
    one.instances = (one.replicas + one.replicas_per_instance - 1) / one.replicas_per_instance;
    Workload workload = request_.workload;
    workload.users = std::max(1.0, std::ceil(workload.users / one.replicas));
    one.at_peak = forecast(workload, replica.speed);
    if (each <= 0 && one.alone_tpot > request_.tpot_limit) {
      one.misses = fmt::format("{:.0f} ms a token for one user alone, {:.0f} wanted",
                               1e3 * one.alone_tpot, 1e3 * request_.tpot_limit);
    } else if (each <= 0) {
      one.misses = fmt::format("{:.0f} ms until the first token for one user alone, {:.0f} wanted",
                               1e3 * one.alone_ttft, 1e3 * request_.ttft_limit);
    } else if (replicas > one.replicas) {
      one.misses = fmt::format("{:.0f} replicas would do it", replicas);
    } else if (request_.budget_month && one.month() > *request_.budget_month) {
      one.misses =
          fmt::format("${:.0f} a month, {:.0f} wanted", one.month(), *request_.budget_month);
    }
  }

  const PlanRequest& request_;
  const Catalogue& catalogue_;
  Plan plan_;
  std::map<std::string, Replica> replicas_;
};

Status check(const PlanRequest& request) {
  const Workload& workload = request.workload;
  if (request.context > request.config.max_position_embeddings) {
    return invalid_argument("--context {}: the model has {} positions", request.context,
                            request.config.max_position_embeddings);
  }
  if (workload.prompt_tokens + workload.answer_tokens > static_cast<double>(request.context)) {
    return invalid_argument(
        "--prompt-tokens {} and --answer-tokens {} are more than --context {}: raise it or lower "
        "them",
        workload.prompt_tokens, workload.answer_tokens, request.context);
  }
  return {};
}

Result<std::vector<Instance>> instances_for(const PlanRequest& request,
                                            const Catalogue& catalogue) {
  if (request.on == "here") return std::vector<Instance>{request.here.value_or(Instance())};
  const auto region = std::find_if(catalogue.regions.begin(), catalogue.regions.end(),
                                   [&](const Region& one) { return one.name == request.region; });
  if (region == catalogue.regions.end()) {
    std::string names;
    for (const Region& one : catalogue.regions) names += " " + one.name;
    return invalid_argument("--region {}: the catalogue of {} knows{}", request.region,
                            catalogue.dated, names);
  }
  std::vector<Instance> found;
  for (const Instance& instance : catalogue.instances) {
    const bool is_wanted =
        request.on.empty() || (request.on == "cpu" && is_cpu(instance)) ||
        (request.on == "gpu" && instance.device.kind == DeviceKind::kGpu) ||
        (instance.device.kind == DeviceKind::kNeuron && instance.family.starts_with(request.on));
    const auto& offered = region->families;
    const bool is_offered =
        std::find(offered.begin(), offered.end(), instance.family) != offered.end();
    if (is_wanted && is_offered) found.push_back(instance);
  }
  if (!found.empty()) return found;
  return invalid_argument("--region {}: the catalogue of {} has no {} there", request.region,
                          catalogue.dated, request.on.empty() ? "machine" : request.on);
}

}  // namespace

double PlanOption::hour() const { return instances * (instance.hour + disk_hour); }

double PlanOption::million_tokens() const {
  constexpr double kSecondsAnHour = 3600;
  return hour() * 1e6 / (kSecondsAnHour * replicas * std::max(1e-9, throughput_max));
}

std::vector<DegreeVerdict> degree_verdicts(const PlanRequest& request, const Instance& instance,
                                           WeightFormat format) {
  std::set<int> candidates = {1};
  if (!is_cpu(instance)) {
    candidates.insert(instance.device_count);
    for (const int degree : instance.device.documented_degrees) candidates.insert(degree);
    for (const int degree : stablehlo::valid_degrees(request.config)) candidates.insert(degree);
  }
  const auto& documented = instance.device.documented_degrees;
  const MemoryNeed need = memory_need(request.config, *request.weights, use_of(request, format, 1));
  const auto weight_bytes = static_cast<double>(need.weight_bytes);
  std::vector<DegreeVerdict> verdicts;
  for (const int degree : candidates) {
    if (degree > instance.device_count) continue;
    DegreeVerdict& one = verdicts.emplace_back();
    one.degree = degree;
    if (!stablehlo::check_degree(request.config, degree).ok()) {
      one.divides = false;
      one.refusal =
          fmt::format("{} does not divide {} heads and {} KV heads evenly", degree,
                      request.config.num_attention_heads, request.config.num_key_value_heads);
    } else if (streams_of(request, instance, format, degree) < 1) {
      one.refusal =
          fmt::format("{} as {} with {} positions, {} too much for {}",
                      describe_bytes(need.total()), describe(format), request.context,
                      describe_bytes(need.total() - memory_of(instance, degree)),
                      is_cpu(instance) ? "its memory" : fmt::format("{} of its devices", degree));
    } else if (weight_bytes > instance.memory_bytes) {
      one.refusal =
          fmt::format("the host's {} do not hold the weights as {}, {}",
                      describe_bytes(static_cast<int64_t>(instance.memory_bytes)), describe(format),
                      describe_bytes(static_cast<int64_t>(weight_bytes)));
    } else if (!documented.empty() &&
               std::find(documented.begin(), documented.end(), degree) == documented.end()) {
      one.note = "not among the degrees that AWS documents";
    }
  }
  return verdicts;
}

SpeedModel speed_of(const PlanRequest& request, const Device& device, WeightFormat format,
                    int degree) {
  const WeightSizes sizes =
      weight_sizes(request.config, *request.weights, format, default_weight_group(format));
  const int64_t looked_up = request.config.tie_word_embeddings ? 0 : sizes.embedding_bytes;
  const KvCacheType kv_type = use_of(request, format, 1).kv_type;
  const double kv =
      static_cast<double>(kv_block_bytes(request.config, kv_type)) / kKvBlockPositions;
  const bool is_sharded = device.kind != DeviceKind::kCpu;
  return {request.config,
          {.step_weight_bytes = static_cast<double>(sizes.bytes - looked_up),
           .kv_bytes_per_token = kv * (is_sharded ? kv_copies(request.config, degree) : 1)},
          format,
          device,
          degree};
}

Result<Plan> make_plan(const PlanRequest& request, const Catalogue& catalogue) {
  RETURN_IF_ERROR(check(request));
  ASSIGN_OR_RETURN(const std::vector<Instance> instances, instances_for(request, catalogue));
  return Planner(request, catalogue).run(instances);
}

}  // namespace puna::plan
