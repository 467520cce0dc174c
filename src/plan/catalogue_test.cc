// The built-in catalogue is whole, and a wrong one is refused with the field.

#include "plan/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/json.h"

namespace puna::plan {
namespace {

using testing::HasSubstr;

const Instance& instance(const Catalogue& catalogue, const std::string& name) {
  for (const Instance& one : catalogue.instances) {
    if (one.name == name) return one;
  }
  ADD_FAILURE() << name;
  return catalogue.instances.front();
}

TEST(Catalogue, HasTheMachinesOfTheSeedWithTheirPrices) {
  const auto catalogue = parse_catalogue(built_in_catalogue(), "catalogue.json");
  ASSERT_TRUE(catalogue.ok()) << catalogue.status().message();
  const Instance& inf2 = instance(*catalogue, "inf2.48xlarge");
  EXPECT_EQ(inf2.device_count, 24);
  EXPECT_EQ(inf2.chips, 12);
  EXPECT_EQ(inf2.vcpus, 192);
  EXPECT_DOUBLE_EQ(inf2.hour, 12.98127);
  EXPECT_EQ(inf2.device.kind, DeviceKind::kNeuron);
  EXPECT_DOUBLE_EQ(inf2.device_count * inf2.device.memory_bytes, 384.0 * (1 << 30));
  EXPECT_EQ(instance(*catalogue, "p5.48xlarge").device_count, 8);
  EXPECT_EQ(catalogue->regions.size(), 3U);
}

// Puts `value` at a JSON pointer of the built-in catalogue.
std::string refusal(const std::string& pointer, const Json& value) {
  auto document = parse_json(built_in_catalogue());
  (*document)[Json::json_pointer(pointer)] = value;
  const auto catalogue = parse_catalogue(dump_json(*document), "mine.json");
  return catalogue.ok() ? "taken" : catalogue.status().message();
}

TEST(Catalogue, AWrongNumberIsRefusedWithItsPlace) {
  EXPECT_EQ(refusal("/instances/inf2.xlarge/hour", 1), "taken");
  EXPECT_EQ(refusal("/instances/inf2.xlarge/hour", -1),
            "mine.json: instances.inf2.xlarge.hour is -1, and must be a number above 0, up to 1e9");
  EXPECT_THAT(refusal("/instances/inf2.xlarge/hour", "1"), HasSubstr("hour is \"1\""));
  EXPECT_THAT(refusal("/instances/inf2.xlarge/hour", 1e300), HasSubstr("up to 1e9"));
  EXPECT_THAT(refusal("/instances/inf2.xlarge/vcpus", 1.5), HasSubstr("a whole number from 1"));
  EXPECT_THAT(refusal("/devices/h100/memory_share", 1.5), HasSubstr("a share"));
  EXPECT_THAT(refusal("/devices/h100/formats", {"int3"}), HasSubstr("f32, bf16, int8, int4"));
  EXPECT_THAT(refusal("/devices/h100/formats", Json::array()), HasSubstr("devices.h100.formats"));
  EXPECT_THAT(refusal("/devices/h100/kind", "tpu"), HasSubstr("cpu, gpu or neuron"));
}

TEST(Catalogue, AMissingPartIsNamed) {
  EXPECT_THAT(refusal("/instances/inf2.xlarge/device", "nothing"),
              HasSubstr("inf2.xlarge.device is \"nothing\", and must be a name below devices"));
  EXPECT_EQ(refusal("/dated", ""), "mine.json: dated is \"\", and must be a short text");
  EXPECT_THAT(refusal("/regions", Json::object()), HasSubstr("regions must hold 1 to 1000"));
  EXPECT_THAT(refusal("/devices/here/kind", "gpu"), HasSubstr("devices.here must be a cpu"));
}

TEST(Catalogue, WhatIsNoCatalogueIsRefusedInOneLine) {
  for (const char* text : {"", "[]", "3", "{}", "{\"dated\": ", "\xff"}) {
    const auto catalogue = parse_catalogue(text, "mine.json");
    ASSERT_FALSE(catalogue.ok()) << text;
    EXPECT_THAT(catalogue.status().message(), testing::StartsWith("mine.json: "));
    EXPECT_EQ(catalogue.status().message().find('\n'), std::string::npos);
  }
  const std::string long_one(kCatalogueBytesMax + 1, ' ');
  EXPECT_FALSE(parse_catalogue(long_one, "mine.json").ok());
}

}  // namespace
}  // namespace puna::plan
