// Plugins where packages put them, and what is said when none is there.

#include "backend/pjrt/plugin_places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "backend/pjrt/devices.h"

namespace puna::pjrt {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;

class PluginPlaces : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / "puna_plugin_places_test";
    fs::remove_all(root_);
    fs::create_directories(packages());
    setenv("VIRTUAL_ENV", root_.c_str(), 1);
    unsetenv("NEURON_PJRT_PLUGIN");
  }
  void TearDown() override {
    unsetenv("VIRTUAL_ENV");
    unsetenv("NEURON_PJRT_PLUGIN");
    fs::remove_all(root_);
  }

  fs::path packages() const { return root_ / "lib/python3.12/site-packages"; }
  fs::path put(const std::string& file) const {
    fs::create_directories((packages() / file).parent_path());
    std::ofstream(packages() / file) << "plugin";
    return fs::canonical(packages() / file);
  }

  fs::path root_;
};

TEST_F(PluginPlaces, APackageIsFoundInTheVirtualEnvironment) {
  EXPECT_THAT(site_packages(), Contains(fs::canonical(packages())));
  const fs::path cpu = put("xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so");
  const auto found = choose_plugin("cpu");
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found->path, cpu);
  EXPECT_EQ(found->kind, "cpu");
}

TEST_F(PluginPlaces, AutoTakesAnAcceleratorBeforeTheProcessor) {
  put("xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so");
  const fs::path neuron = put("libneuronxla/libneuronpjrt.so");
  EXPECT_EQ(choose_plugin("auto")->path, neuron);
  setenv("NEURON_PJRT_PLUGIN", "/opt/own/libneuronpjrt.so", 1);
  EXPECT_EQ(choose_plugin("neuron")->path, "/opt/own/libneuronpjrt.so");
}

TEST_F(PluginPlaces, WhatIsMissingIsNamedWithItsPackage) {
  const Status status = choose_plugin("neuron").status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("libneuronxla"));
  EXPECT_THAT(status.message(), HasSubstr("NEURON_PJRT_PLUGIN"));
  EXPECT_THAT(choose_plugin("gpu").status().message(),
              HasSubstr("expected cpu, cuda, neuron, tpu"));
}

TEST_F(PluginPlaces, AFileIsTakenAsItIsAndItsNameSaysWhatItIs) {
  EXPECT_EQ(choose_plugin("/a/libneuronpjrt.so")->kind, "neuron");
  EXPECT_EQ(choose_plugin("./other.so")->kind, "");
}

TEST(ClientOptions, AreNumbersAndWordsAsTheyLook) {
  const auto value = [](const char* text) {
    const auto option = parse_client_option(text);
    EXPECT_TRUE(option.ok()) << text;
    return option.ok() ? option->value : ClientOption().value;
  };
  EXPECT_EQ(std::get<int64_t>(value("a=4")), 4);
  EXPECT_EQ(std::get<int64_t>(value("a=-1")), -1);
  EXPECT_TRUE(std::get<bool>(value("a=true")));
  EXPECT_EQ(std::get<float>(value("a=0.5")), 0.5F);
  EXPECT_EQ(std::get<std::string>(value("a=cuda_async")), "cuda_async");
  EXPECT_EQ(std::get<std::string>(value("a=")), "");
  for (const char* text : {"", "a", "=4"}) EXPECT_FALSE(parse_client_option(text).ok()) << text;
}

}  // namespace
}  // namespace puna::pjrt
