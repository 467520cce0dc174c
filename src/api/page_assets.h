// PageAsset: the files of the chat page, as tools/embed_assets.py put them into the binary.
//
// Everything lives as long as the program and is ordered by path.
#pragma once

#include <span>
#include <string_view>

namespace puna {

struct PageAsset {
  std::string_view path;          // "/index.html", "/assets/main-2UHJZ6ZL.js"
  std::string_view content_type;  // "text/javascript; charset=utf-8"
  std::string_view gzip;          // the body with Content-Encoding: gzip
  std::string_view etag;          // quotes included, of the bytes before compression
  bool immutable = false;         // the name holds a hash: may be cached for ever
};

std::span<const PageAsset> page_assets();

}  // namespace puna
