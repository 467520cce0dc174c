// How large a struct is in a given version of the API, and checks of pjrt_abi.h's layouts.
//
// XLA's plugins want at least the size they were built with; AWS Neuron's wants exactly the size of
// the version it was told. So every call sends the size of the plugin's own version.
#pragma once

#include <cstddef>

#include "backend/pjrt/pjrt_abi.h"

namespace puna::pjrt {

// Before 0.57 the table of functions was another.
inline constexpr int kMinorVersionMin = 57;
// The newest whose sizes are known here; newer plugins take the sizes of this one.
inline constexpr int kMinorVersionMax = 115;

// What a struct's `struct_size` is in that version: as in C, up to the end of its last field,
// without what pads it.
size_t arguments_size(Entry entry, int minor_version);
size_t execute_options_size(int minor_version);
inline constexpr size_t kProgramSize = 48;
inline constexpr size_t kNamedOptionSize = 56;
inline constexpr size_t kHostLayoutSize = 76;
inline constexpr size_t kTiledLayoutSize = 56;

}  // namespace puna::pjrt
