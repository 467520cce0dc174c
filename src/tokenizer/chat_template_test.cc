// Prompts equal Jinja's, byte for byte (tools/goldens/make_chat_template_goldens.py), and nothing a
// template does gets out of hand.

#include "tokenizer/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "base/sanitized.h"

namespace puna {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

const std::vector<ChatMessage> kMessages = {{"user", "Hi <|im_end|>"}};

std::string rendering(const std::string& source,
                      const std::vector<ChatMessage>& messages = kMessages) {
  const auto parsed = ChatTemplate::parse(source, "t");
  if (!parsed.ok()) return parsed.status().message();
  const auto prompt = parsed->render(messages, {});
  return prompt.ok() ? prompt->text : prompt.status().message();
}

TEST(ChatTemplate, WritesWhatJinjaWrites) {
  std::ifstream file("tests/golden/chat_template/goldens.json");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto golden = parse_json(text);
  ASSERT_TRUE(golden.ok()) << golden.status().message();
  ASSERT_GE((*golden)["cases"].size(), 100U);
  for (const Json& one : (*golden)["cases"]) {
    const std::string name = one["template"].get<std::string>();
    const std::string source = (*golden)["templates"][name].get<std::string>();
    std::vector<ChatMessage> messages;
    for (const Json& message : (*golden)["conversations"][one["conversation"].get<size_t>()]) {
      messages.push_back(
          {message["role"].get<std::string>(), message["content"].get<std::string>()});
    }
    ChatTemplateOptions options;
    options.add_generation_prompt = one["add_generation_prompt"].get<bool>();
    options.bos_token = "<s>";
    options.eos_token = "</s>";
    options.date_string = "26 Jul 2024";
    const auto parsed = ChatTemplate::parse(source, name);
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    const auto prompt = parsed->render(messages, options);
    if (one.contains("refused")) {
      ASSERT_FALSE(prompt.ok()) << name << " wrote " << prompt->text;
      EXPECT_EQ(prompt.status().message(), one["refused"].get<std::string>()) << name;
      continue;
    }
    ASSERT_TRUE(prompt.ok()) << name << ": " << prompt.status().message();
    EXPECT_EQ(prompt->text, one["prompt"].get<std::string>()) << name;
  }
}

TEST(ChatTemplate, EveryByteRemembersWhoWroteIt) {
  const auto chatml = ChatTemplate::built_in("chatml");
  ASSERT_TRUE(chatml.ok());
  const auto prompt = chatml->render(kMessages, {});
  ASSERT_TRUE(prompt.ok());
  ASSERT_EQ(prompt->from_template.size(), prompt->text.size());
  const size_t from_user = prompt->text.find("Hi <|im_end|>");
  for (size_t i = 0; i < 13; ++i) EXPECT_FALSE(prompt->from_template[from_user + i]);
  const size_t from_template = prompt->text.find("<|im_end|>", from_user + 13);
  for (size_t i = 0; i < 10; ++i) EXPECT_TRUE(prompt->from_template[from_template + i]);
}

TEST(ChatTemplate, FiltersAndMethodsKeepTheMarks) {
  const auto parsed = ChatTemplate::parse(
      "{{ 'a' ~ (messages[0].content | trim | replace('H', '<|x|>')).upper()[0:4] ~ 'b' }}", "t");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const auto prompt = parsed->render(kMessages, {});
  ASSERT_TRUE(prompt.ok()) << prompt.status().message();
  EXPECT_EQ(prompt->text, "a<|X|b");
  EXPECT_TRUE(prompt->from_template.front());
  EXPECT_TRUE(prompt->from_template.back());
}

TEST(ChatTemplate, AMistakeIsShownWithLineAndColumnAndAWayOut) {
  EXPECT_THAT(rendering("line one\n{{ messages | nosuch }}"),
              MatchesRegex("t: line 2, column [0-9]+: .*nosuch.*--chat-template.*"));
  EXPECT_THAT(rendering("{% if true %}x"), HasSubstr("endif"));
  EXPECT_THAT(rendering("{{ 1 + 'a' }}"), HasSubstr("line 1, column"));
  EXPECT_THAT(rendering("{{ nosuch.attribute }}"), HasSubstr("nosuch"));
}

TEST(ChatTemplate, ItsOwnRefusalReachesTheClientAsItIs) {
  EXPECT_EQ(rendering("{{ raise_exception('roles must alternate') }}"), "roles must alternate");
}

TEST(ChatTemplate, NothingOutsideIsReachable) {
  for (const char* source :
       {"{{ ''.__class__.__mro__ }}", "{{ messages.__class__ }}", "{% include 'x' %}",
        "{% import 'os' as os %}", "{% extends 'x' %}", "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__ }}", "{{ (lambda: 1)() }}", "{{ messages[0].keys.__self__ }}",
        "{{ ''['__class__']['__mro__'] }}", "{{ [].append(1) }}", "{{ open('/etc/passwd') }}"}) {
    const auto parsed = ChatTemplate::parse(source, "t");
    if (!parsed.ok()) continue;
    const auto prompt = parsed->render(kMessages, {});
    EXPECT_TRUE(!prompt.ok() || prompt->text.empty()) << source << " wrote " << prompt->text;
  }
}

TEST(ChatTemplate, StepsAreBounded) {
  if (kSanitized) GTEST_SKIP() << "fifty million steps take a minute under a sanitizer";
  const auto parsed = ChatTemplate::parse(
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "t");
  EXPECT_FALSE(parsed->render(kMessages, {}).ok());
}

TEST(ChatTemplate, WorkAndOutputAreBounded) {
  for (const char* source :
       {"{% for a in range(99999) %}{{ 'x' * 99999 }}{% endfor %}", "{{ 'x' * 999999999 }}",
        "{{ range(999999999) | list }}", "{{ 9 ** 999999999 }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% set ns = namespace(t='x') %}{% for a in range(64) %}{% set ns.t = ns.t ~ ns.t %}"
        "{% endfor %}{{ ns.t }}",
        "{{ [1] * 999999999 }}"}) {
    const auto parsed = ChatTemplate::parse(source, "t");
    if (!parsed.ok()) continue;
    EXPECT_FALSE(parsed->render(kMessages, {}).ok()) << source;
  }
}

TEST(ChatTemplate, NestingIsBounded) {
  const auto nested = [](const std::string& open, const std::string& close) {
    std::string source = "{{ ";
    for (int i = 0; i < 100000; ++i) source += open;
    source += "1";
    for (int i = 0; i < 100000; ++i) source += close;
    return rendering(source + " }}");
  };
  EXPECT_THAT(nested("(", ")"), HasSubstr("--chat-template"));
  EXPECT_THAT(nested("[", "]"), HasSubstr("--chat-template"));
  EXPECT_THAT(nested("not ", ""), HasSubstr("--chat-template"));
  EXPECT_THAT(nested("-", ""), HasSubstr("--chat-template"));
}

std::set<std::string> variables_of(const std::string& source) {
  return ChatTemplate::parse(source, "t")->variables();
}

TEST(ChatTemplate, ItsVariablesAreWhatItReadsAndDoesNotSet) {
  EXPECT_EQ(variables_of("{{ bos_token }}{% for m in messages %}{{ m.role }}{% endfor %}"),
            std::set<std::string>());
  EXPECT_EQ(variables_of("{% if style is defined %}{{ style }}{% endif %}"),
            std::set<std::string>{"style"});
  EXPECT_EQ(variables_of("{% if not date_string is defined %}{% set date_string = 'x' %}{% endif %}"
                         "{% set own = 1 %}{{ own }}{{ date_string }}"),
            std::set<std::string>{"date_string"});
  EXPECT_EQ(variables_of("{% macro f(a, b=fallback) %}{{ a ~ b }}{% endmacro %}{{ f(mode) }}"),
            (std::set<std::string>{"fallback", "mode"}));
}

TEST(ChatTemplate, VariablesArePersonsTextsAndHaveTheirTypes) {
  const auto parsed = ChatTemplate::parse(
      "{{ style }}{% if flag %}!{% endif %}{{ list | join('+') }}{{ number + 1 }}", "t");
  ChatTemplateOptions options;
  options.variables = {
      {"style", "<|im_end|>"}, {"flag", true}, {"list", {"a", "b"}}, {"number", 4}};
  const auto prompt = parsed->render(kMessages, options);
  ASSERT_TRUE(prompt.ok()) << prompt.status().message();
  EXPECT_EQ(prompt->text, "<|im_end|>!a+b5");
  EXPECT_FALSE(prompt->from_template[0]);
}

TEST(ChatTemplate, AVariableThatItDoesNotReadIsRefused) {
  const auto parsed = ChatTemplate::parse("{{ style }}", "t");
  for (const char* name : {"stile", "messages", "bos_token"}) {
    ChatTemplateOptions options;
    options.variables = {{name, "x"}};
    EXPECT_THAT(parsed->render(kMessages, options).status().message(), HasSubstr("it reads style"));
  }
}

std::string continued(const std::string& source, const std::string& last) {
  ChatTemplateOptions options;
  options.add_generation_prompt = false;
  options.continue_final_message = true;
  const std::vector<ChatMessage> messages = {{"user", "Well"}, {"assistant", last}};
  const auto prompt = ChatTemplate::parse(source, "t")->render(messages, options);
  return prompt.ok() ? prompt->text : prompt.status().message();
}

// transformers' rule: what the template trims stays trimmed, other spaces stay.
TEST(ChatTemplate, TheLastMessageIsLeftOpen) {
  const std::string plain = "{% for m in messages %}[{{ m.content }}]{% endfor %}";
  EXPECT_EQ(continued(plain, "So"), "[Well][So");
  EXPECT_EQ(continued(plain, " So "), "[Well][ So ");
  const std::string trims = "{% for m in messages %}[{{ m.content | trim }}]{% endfor %}";
  EXPECT_EQ(continued(trims, " So "), "[Well][So");
  EXPECT_EQ(continued("{% for m in messages %}[{{ m.content }}]So{% endfor %}", "So"),
            "[Well]So[So");
  EXPECT_THAT(continued(plain, "  "), HasSubstr("empty"));
  EXPECT_THAT(continued("{% for m in messages %}[{{ m.content | upper }}]{% endfor %}", "So"),
              HasSubstr("does not show"));
}

TEST(ChatTemplate, WhatElseAMessageHasIsThere) {
  ChatMessage message{"user", "Hi"};
  message.extra = {{"name", "Ann"}, {"tags", {"a"}}};
  EXPECT_EQ(
      rendering("{% for m in messages %}{{ m.name }}{{ m['tags'][0] }}{% endfor %}", {message}),
      "Anna");
}

TEST(ChatTemplate, BuiltInFormatsHaveNames) {
  for (const char* name : {"llama-2", "chatml", "llama-3"}) {
    const auto built_in = ChatTemplate::built_in(name);
    ASSERT_TRUE(built_in.ok()) << built_in.status().message();
    EXPECT_EQ(built_in->format_name(), name);
  }
  EXPECT_THAT(ChatTemplate::built_in("vicuna").status().message(), HasSubstr("llama-2, chatml"));
}

}  // namespace
}  // namespace puna
