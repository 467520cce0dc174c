// The generator's stream, waited for in short pieces so that the person can stop it.

#include "app/local_chat_model.h"

#include <fmt/format.h>

#include <chrono>

#include "base/random_seed.h"

namespace puna {
namespace {

constexpr std::chrono::milliseconds kLookForStop{100};

// "8,192"
std::string with_commas(int number) {
  std::string text = std::to_string(number);
  for (size_t end = text.size(); end > 3; end -= 3) text.insert(end - 3, ",");
  return text;
}

class LocalChatModel final : public ChatModel {
 public:
  explicit LocalChatModel(std::shared_ptr<Generator> generator)
      : generator_(std::move(generator)) {}

  std::string describe() const override {
    const ModelCard& card = generator_->model();
    return fmt::format("{}, {} tokens", card.name, with_commas(card.max_model_len));
  }
  int max_model_len() const override { return generator_->model().max_model_len; }

  Result<ChatAnswerEnd> answer(const std::vector<ChatTurn>& turns, const ChatSettings& settings,
                               const OnText& on_text) override {
    ASSIGN_OR_RETURN(const auto stream, generator_->start(request(turns, settings)));
    GenerationChunk chunk;
    while (chunk.finish == FinishReason::kNone) {
      chunk = stream->wait(kLookForStop);
      if (!on_text(chunk.text)) stream->cancel();
    }
    if (chunk.finish == FinishReason::kError) return chunk.error;
    return end_of(*stream, chunk.finish);
  }

  Result<int> count_tokens(const std::vector<ChatTurn>& turns) override {
    if (turns.empty()) return 0;
    ChatRendering chat;
    chat.add_generation_prompt = false;
    ASSIGN_OR_RETURN(const auto tokens, generator_->tokenize(messages_of(turns), chat));
    return static_cast<int>(tokens.size());
  }

 private:
  static ChatMessages messages_of(const std::vector<ChatTurn>& turns) {
    ChatMessages messages;
    for (const ChatTurn& turn : turns) messages.push_back({turn.role, turn.content});
    return messages;
  }

  GenerationRequest request(const std::vector<ChatTurn>& turns,
                            const ChatSettings& settings) const {
    GenerationRequest request;
    request.prompt = messages_of(turns);
    SamplingParams& sampling = request.sampling;
    sampling = generator_->default_sampling();
    sampling.seed = settings.seed.value_or(random_seed());
    sampling.temperature = settings.temperature.value_or(sampling.temperature);
    sampling.top_p = settings.top_p.value_or(sampling.top_p);
    sampling.top_k = settings.top_k.value_or(sampling.top_k);
    request.max_tokens_given = settings.max_tokens.has_value();
    sampling.max_tokens = settings.max_tokens.value_or(sampling.max_tokens);
    return request;
  }

  static ChatAnswerEnd end_of(const GenerationStream& stream, FinishReason finish) {
    const GenerationUsage usage = stream.usage();
    const GenerationTimings timings = stream.timings();
    ChatAnswerEnd end;
    end.finish_reason = puna::describe(finish);
    end.prompt_tokens = usage.prompt_tokens;
    end.completion_tokens = usage.completion_tokens;
    end.first_token_seconds = timings.first_token.count();
    end.set_rate(timings.decode.count());
    return end;
  }

  const std::shared_ptr<Generator> generator_;
};

}  // namespace

std::unique_ptr<ChatModel> make_local_chat_model(std::shared_ptr<Generator> generator) {
  return std::make_unique<LocalChatModel>(std::move(generator));
}

}  // namespace puna
