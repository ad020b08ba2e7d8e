#include "kernels/base/memory.h"

#include "kernels/base/error.h"

namespace bragg {

std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::i64:
    case DType::u64:
      return 8;
    case DType::f32:
    case DType::i32:
    case DType::u32:
      return 4;
    case DType::bf16:
    case DType::i16:
    case DType::u16:
      return 2;
    case DType::u8:
      return 1;
  }
  throw Error("unknown element type " + std::to_string(static_cast<int>(dtype)));
}

std::string name_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return "F64";
    case DType::f32:
      return "F32";
    case DType::bf16:
      return "BF16";
    case DType::i64:
      return "I64";
    case DType::u64:
      return "U64";
    case DType::i32:
      return "I32";
    case DType::u32:
      return "U32";
    case DType::i16:
      return "I16";
    case DType::u16:
      return "U16";
    case DType::u8:
      return "U8";
  }
  throw Error("unknown element type " + std::to_string(static_cast<int>(dtype)));
}

}  // namespace bragg
