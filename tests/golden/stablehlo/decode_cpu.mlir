module @puna attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%tokens: tensor<4xi32>, %positions: tensor<4xi32>, %slots: tensor<4x2xi32>, %tables: tensor<4x2xi32>, %cosines: tensor<128x4xf32>, %sines: tensor<128x4xf32>, %embedding: tensor<50x32xf32>, %layer0.input_norm: tensor<32xf32>, %layer0.qkv: tensor<64x32xf32>, %layer0.keys: tensor<9x2x64x8xf32> {tf.aliasing_output = 2 : i32}, %layer0.values: tensor<9x2x64x8xf32> {tf.aliasing_output = 3 : i32}, %layer0.output: tensor<32x32xf32>, %layer0.post_norm: tensor<32xf32>, %layer0.gate_up: tensor<96x32xf32>, %layer0.down: tensor<32x48xf32>, %final_norm: tensor<32xf32>) -> (tensor<4xi32>, tensor<4x50xf32>, tensor<9x2x64x8xf32>, tensor<9x2x64x8xf32>) {
    %0 = "stablehlo.gather"(%cosines, %positions) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false} : (tensor<128x4xf32>, tensor<4xi32>) -> tensor<4x4xf32>
    %1 = "stablehlo.broadcast_in_dim"(%0) {broadcast_dimensions = array<i64: 0, 2>} : (tensor<4x4xf32>) -> tensor<4x6x4xf32>
    %2 = "stablehlo.gather"(%sines, %positions) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false} : (tensor<128x4xf32>, tensor<4xi32>) -> tensor<4x4xf32>
    %3 = "stablehlo.broadcast_in_dim"(%2) {broadcast_dimensions = array<i64: 0, 2>} : (tensor<4x4xf32>) -> tensor<4x6x4xf32>
    %4 = "stablehlo.iota"() {iota_dimension = 0 : i64} : () -> tensor<128xi32>
    %5 = "stablehlo.reshape"(%4) : (tensor<128xi32>) -> tensor<2x64xi32>
    %6 = "stablehlo.reshape"(%positions) : (tensor<4xi32>) -> tensor<4x1xi32>
    %7 = "stablehlo.broadcast_in_dim"(%5) {broadcast_dimensions = array<i64: 2, 3>} : (tensor<2x64xi32>) -> tensor<4x1x2x64xi32>
    %8 = "stablehlo.broadcast_in_dim"(%6) {broadcast_dimensions = array<i64: 0, 1>} : (tensor<4x1xi32>) -> tensor<4x1x2x64xi32>
    %9 = "stablehlo.compare"(%7, %8) {comparison_direction = #stablehlo<comparison_direction LE>} : (tensor<4x1x2x64xi32>, tensor<4x1x2x64xi32>) -> tensor<4x1x2x64xi1>
    %10 = "stablehlo.broadcast_in_dim"(%9) {broadcast_dimensions = array<i64: 0, 2, 4, 5>} : (tensor<4x1x2x64xi1>) -> tensor<4x2x1x2x2x64xi1>
    %11 = "stablehlo.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
    %12 = "stablehlo.reduce"(%6, %11) ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%c) : (tensor<i32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x1xi32>, tensor<i32>) -> tensor<4xi32>
    %13 = "stablehlo.broadcast_in_dim"(%5) {broadcast_dimensions = array<i64: 1, 2>} : (tensor<2x64xi32>) -> tensor<4x2x64xi32>
    %14 = "stablehlo.broadcast_in_dim"(%12) {broadcast_dimensions = array<i64: 0>} : (tensor<4xi32>) -> tensor<4x2x64xi32>
    %15 = "stablehlo.compare"(%13, %14) {comparison_direction = #stablehlo<comparison_direction LE>} : (tensor<4x2x64xi32>, tensor<4x2x64xi32>) -> tensor<4x2x64xi1>
    %16 = "stablehlo.broadcast_in_dim"(%15) {broadcast_dimensions = array<i64: 0, 1, 3>} : (tensor<4x2x64xi1>) -> tensor<4x2x2x64x8xi1>
    %17 = "stablehlo.constant"() {value = dense<49> : tensor<i32>} : () -> tensor<i32>
    %18 = "stablehlo.broadcast_in_dim"(%17) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<4xi32>
    %19 = "stablehlo.minimum"(%tokens, %18) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
    %20 = "stablehlo.gather"(%embedding, %19) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 32>, indices_are_sorted = false} : (tensor<50x32xf32>, tensor<4xi32>) -> tensor<4x32xf32>
    %21 = "stablehlo.multiply"(%20, %20) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %22 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %23 = "stablehlo.reduce"(%21, %22) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x32xf32>, tensor<f32>) -> tensor<4xf32>
    %24 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %25 = "stablehlo.broadcast_in_dim"(%24) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %26 = "stablehlo.multiply"(%23, %25) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %27 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %28 = "stablehlo.broadcast_in_dim"(%27) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %29 = "stablehlo.add"(%26, %28) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %30 = "stablehlo.rsqrt"(%29) : (tensor<4xf32>) -> tensor<4xf32>
    %31 = "stablehlo.broadcast_in_dim"(%30) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x32xf32>
    %32 = "stablehlo.multiply"(%20, %31) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %33 = "stablehlo.broadcast_in_dim"(%layer0.input_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<4x32xf32>
    %34 = "stablehlo.multiply"(%32, %33) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %35 = "stablehlo.dot_general"(%34, %layer0.qkv) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x32xf32>, tensor<64x32xf32>) -> tensor<4x64xf32>
    %36 = "stablehlo.reshape"(%35) : (tensor<4x64xf32>) -> tensor<4x8x8xf32>
    %37 = "stablehlo.slice"(%36) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 4, 6, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x8x8xf32>) -> tensor<4x6x8xf32>
    %38 = "stablehlo.slice"(%37) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 4, 6, 4>, strides = array<i64: 1, 1, 1>} : (tensor<4x6x8xf32>) -> tensor<4x6x4xf32>
    %39 = "stablehlo.slice"(%37) {start_indices = array<i64: 0, 0, 4>, limit_indices = array<i64: 4, 6, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x6x8xf32>) -> tensor<4x6x4xf32>
    %40 = "stablehlo.multiply"(%38, %1) : (tensor<4x6x4xf32>, tensor<4x6x4xf32>) -> tensor<4x6x4xf32>
    %41 = "stablehlo.multiply"(%39, %3) : (tensor<4x6x4xf32>, tensor<4x6x4xf32>) -> tensor<4x6x4xf32>
    %42 = "stablehlo.subtract"(%40, %41) : (tensor<4x6x4xf32>, tensor<4x6x4xf32>) -> tensor<4x6x4xf32>
    %43 = "stablehlo.multiply"(%39, %1) : (tensor<4x6x4xf32>, tensor<4x6x4xf32>) -> tensor<4x6x4xf32>
    %44 = "stablehlo.multiply"(%38, %3) : (tensor<4x6x4xf32>, tensor<4x6x4xf32>) -> tensor<4x6x4xf32>
    %45 = "stablehlo.add"(%43, %44) : (tensor<4x6x4xf32>, tensor<4x6x4xf32>) -> tensor<4x6x4xf32>
    %46 = "stablehlo.concatenate"(%42, %45) {dimension = 2 : i64} : (tensor<4x6x4xf32>, tensor<4x6x4xf32>) -> tensor<4x6x8xf32>
    %47 = "stablehlo.slice"(%46) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 4, 4, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x6x8xf32>) -> tensor<4x4x8xf32>
    %48 = "stablehlo.slice"(%46) {start_indices = array<i64: 0, 4, 0>, limit_indices = array<i64: 4, 6, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x6x8xf32>) -> tensor<4x2x8xf32>
    %49 = "stablehlo.slice"(%36) {start_indices = array<i64: 0, 6, 0>, limit_indices = array<i64: 4, 8, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x8x8xf32>) -> tensor<4x2x8xf32>
    %50 = "stablehlo.constant"() {value = dense<3.535533906e-01> : tensor<f32>} : () -> tensor<f32>
    %51 = "stablehlo.broadcast_in_dim"(%50) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4x4x8xf32>
    %52 = "stablehlo.multiply"(%47, %51) : (tensor<4x4x8xf32>, tensor<4x4x8xf32>) -> tensor<4x4x8xf32>
    %53 = "stablehlo.reshape"(%52) : (tensor<4x4x8xf32>) -> tensor<4x2x1x2x8xf32>
    %54 = "stablehlo.scatter"(%layer0.keys, %slots, %48) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      "stablehlo.return"(%b) : (tensor<f32>) -> ()
    }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], inserted_window_dims = [0, 2], scatter_dims_to_operand_dims = [0, 2], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = true} : (tensor<9x2x64x8xf32>, tensor<4x2xi32>, tensor<4x2x8xf32>) -> tensor<9x2x64x8xf32>
    %55 = "stablehlo.gather"(%54, %tables) {dimension_numbers = #stablehlo.gather<offset_dims = [2, 3, 4], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 2, 64, 8>, indices_are_sorted = false} : (tensor<9x2x64x8xf32>, tensor<4x2xi32>) -> tensor<4x2x2x64x8xf32>
    %56 = "stablehlo.dot_general"(%53, %55) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4], rhs_contracting_dimensions = [4]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x2x1x2x8xf32>, tensor<4x2x2x64x8xf32>) -> tensor<4x2x1x2x2x64xf32>
    %57 = "stablehlo.constant"() {value = dense<-1.000000000e+30> : tensor<f32>} : () -> tensor<f32>
    %58 = "stablehlo.broadcast_in_dim"(%57) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4x2x1x2x2x64xf32>
    %59 = "stablehlo.select"(%10, %56, %58) : (tensor<4x2x1x2x2x64xi1>, tensor<4x2x1x2x2x64xf32>, tensor<4x2x1x2x2x64xf32>) -> tensor<4x2x1x2x2x64xf32>
    %60 = "stablehlo.constant"() {value = dense<-1.000000000e+30> : tensor<f32>} : () -> tensor<f32>
    %61 = "stablehlo.reduce"(%59, %60) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 4, 5>} : (tensor<4x2x1x2x2x64xf32>, tensor<f32>) -> tensor<4x2x1x2xf32>
    %62 = "stablehlo.broadcast_in_dim"(%61) {broadcast_dimensions = array<i64: 0, 1, 2, 3>} : (tensor<4x2x1x2xf32>) -> tensor<4x2x1x2x2x64xf32>
    %63 = "stablehlo.subtract"(%59, %62) : (tensor<4x2x1x2x2x64xf32>, tensor<4x2x1x2x2x64xf32>) -> tensor<4x2x1x2x2x64xf32>
    %64 = "stablehlo.exponential"(%63) : (tensor<4x2x1x2x2x64xf32>) -> tensor<4x2x1x2x2x64xf32>
    %65 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %66 = "stablehlo.reduce"(%64, %65) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 4, 5>} : (tensor<4x2x1x2x2x64xf32>, tensor<f32>) -> tensor<4x2x1x2xf32>
    %67 = "stablehlo.broadcast_in_dim"(%66) {broadcast_dimensions = array<i64: 0, 1, 2, 3>} : (tensor<4x2x1x2xf32>) -> tensor<4x2x1x2x2x64xf32>
    %68 = "stablehlo.divide"(%64, %67) : (tensor<4x2x1x2x2x64xf32>, tensor<4x2x1x2x2x64xf32>) -> tensor<4x2x1x2x2x64xf32>
    %69 = "stablehlo.scatter"(%layer0.values, %slots, %49) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      "stablehlo.return"(%b) : (tensor<f32>) -> ()
    }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], inserted_window_dims = [0, 2], scatter_dims_to_operand_dims = [0, 2], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = true} : (tensor<9x2x64x8xf32>, tensor<4x2xi32>, tensor<4x2x8xf32>) -> tensor<9x2x64x8xf32>
    %70 = "stablehlo.gather"(%69, %tables) {dimension_numbers = #stablehlo.gather<offset_dims = [2, 3, 4], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 2, 64, 8>, indices_are_sorted = false} : (tensor<9x2x64x8xf32>, tensor<4x2xi32>) -> tensor<4x2x2x64x8xf32>
    %71 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %72 = "stablehlo.broadcast_in_dim"(%71) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4x2x2x64x8xf32>
    %73 = "stablehlo.select"(%16, %70, %72) : (tensor<4x2x2x64x8xi1>, tensor<4x2x2x64x8xf32>, tensor<4x2x2x64x8xf32>) -> tensor<4x2x2x64x8xf32>
    %74 = "stablehlo.dot_general"(%68, %73) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4, 5], rhs_contracting_dimensions = [1, 3]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x2x1x2x2x64xf32>, tensor<4x2x2x64x8xf32>) -> tensor<4x2x1x2x8xf32>
    %75 = "stablehlo.reshape"(%74) : (tensor<4x2x1x2x8xf32>) -> tensor<4x32xf32>
    %76 = "stablehlo.dot_general"(%75, %layer0.output) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x32xf32>, tensor<32x32xf32>) -> tensor<4x32xf32>
    %77 = "stablehlo.add"(%20, %76) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %78 = "stablehlo.multiply"(%77, %77) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %79 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %80 = "stablehlo.reduce"(%78, %79) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x32xf32>, tensor<f32>) -> tensor<4xf32>
    %81 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %82 = "stablehlo.broadcast_in_dim"(%81) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %83 = "stablehlo.multiply"(%80, %82) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %84 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %85 = "stablehlo.broadcast_in_dim"(%84) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %86 = "stablehlo.add"(%83, %85) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %87 = "stablehlo.rsqrt"(%86) : (tensor<4xf32>) -> tensor<4xf32>
    %88 = "stablehlo.broadcast_in_dim"(%87) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x32xf32>
    %89 = "stablehlo.multiply"(%77, %88) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %90 = "stablehlo.broadcast_in_dim"(%layer0.post_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<4x32xf32>
    %91 = "stablehlo.multiply"(%89, %90) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %92 = "stablehlo.dot_general"(%91, %layer0.gate_up) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x32xf32>, tensor<96x32xf32>) -> tensor<4x96xf32>
    %93 = "stablehlo.slice"(%92) {start_indices = array<i64: 0, 0>, limit_indices = array<i64: 4, 48>, strides = array<i64: 1, 1>} : (tensor<4x96xf32>) -> tensor<4x48xf32>
    %94 = "stablehlo.slice"(%92) {start_indices = array<i64: 0, 48>, limit_indices = array<i64: 4, 96>, strides = array<i64: 1, 1>} : (tensor<4x96xf32>) -> tensor<4x48xf32>
    %95 = "stablehlo.logistic"(%93) : (tensor<4x48xf32>) -> tensor<4x48xf32>
    %96 = "stablehlo.multiply"(%93, %95) : (tensor<4x48xf32>, tensor<4x48xf32>) -> tensor<4x48xf32>
    %97 = "stablehlo.multiply"(%96, %94) : (tensor<4x48xf32>, tensor<4x48xf32>) -> tensor<4x48xf32>
    %98 = "stablehlo.dot_general"(%97, %layer0.down) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x48xf32>, tensor<32x48xf32>) -> tensor<4x32xf32>
    %99 = "stablehlo.add"(%77, %98) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %100 = "stablehlo.multiply"(%99, %99) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %101 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %102 = "stablehlo.reduce"(%100, %101) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x32xf32>, tensor<f32>) -> tensor<4xf32>
    %103 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %104 = "stablehlo.broadcast_in_dim"(%103) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %105 = "stablehlo.multiply"(%102, %104) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %106 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %107 = "stablehlo.broadcast_in_dim"(%106) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %108 = "stablehlo.add"(%105, %107) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %109 = "stablehlo.rsqrt"(%108) : (tensor<4xf32>) -> tensor<4xf32>
    %110 = "stablehlo.broadcast_in_dim"(%109) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x32xf32>
    %111 = "stablehlo.multiply"(%99, %110) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %112 = "stablehlo.broadcast_in_dim"(%final_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<4x32xf32>
    %113 = "stablehlo.multiply"(%111, %112) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %114 = "stablehlo.dot_general"(%113, %embedding) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x32xf32>, tensor<50x32xf32>) -> tensor<4x50xf32>
    %115 = "stablehlo.constant"() {value = dense<-3.402823466e+38> : tensor<f32>} : () -> tensor<f32>
    %116 = "stablehlo.reduce"(%114, %115) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x50xf32>, tensor<f32>) -> tensor<4xf32>
    %117 = "stablehlo.broadcast_in_dim"(%116) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x50xf32>
    %118 = "stablehlo.compare"(%114, %117) {comparison_direction = #stablehlo<comparison_direction GE>} : (tensor<4x50xf32>, tensor<4x50xf32>) -> tensor<4x50xi1>
    %119 = "stablehlo.iota"() {iota_dimension = 1 : i64} : () -> tensor<4x50xi32>
    %120 = "stablehlo.constant"() {value = dense<50> : tensor<i32>} : () -> tensor<i32>
    %121 = "stablehlo.broadcast_in_dim"(%120) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<4x50xi32>
    %122 = "stablehlo.select"(%118, %119, %121) : (tensor<4x50xi1>, tensor<4x50xi32>, tensor<4x50xi32>) -> tensor<4x50xi32>
    %123 = "stablehlo.constant"() {value = dense<50> : tensor<i32>} : () -> tensor<i32>
    %124 = "stablehlo.reduce"(%122, %123) ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>):
      %c = "stablehlo.minimum"(%a, %b) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%c) : (tensor<i32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x50xi32>, tensor<i32>) -> tensor<4xi32>
    return %124, %114, %54, %69 : tensor<4xi32>, tensor<4x50xf32>, tensor<9x2x64x8xf32>, tensor<9x2x64x8xf32>
  }
}
