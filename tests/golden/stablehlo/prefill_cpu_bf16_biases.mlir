module @puna attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%tokens: tensor<16xi32>, %positions: tensor<16xi32>, %slots: tensor<16x2xi32>, %tables: tensor<1x2xi32>, %rows: tensor<1xi32>, %cosines: tensor<128x4xf32>, %sines: tensor<128x4xf32>, %embedding: tensor<50x32xbf16>, %layer0.input_norm: tensor<32xf32>, %layer0.qkv: tensor<64x32xbf16>, %layer0.qkv_bias: tensor<64xf32>, %layer0.keys: tensor<9x2x64x8xbf16> {tf.aliasing_output = 2 : i32}, %layer0.values: tensor<9x2x64x8xbf16> {tf.aliasing_output = 3 : i32}, %layer0.output: tensor<32x32xbf16>, %layer0.output_bias: tensor<32xf32>, %layer0.post_norm: tensor<32xf32>, %layer0.gate_up: tensor<96x32xbf16>, %layer0.gate_up_bias: tensor<96xf32>, %layer0.down: tensor<32x48xbf16>, %layer0.down_bias: tensor<32xf32>, %final_norm: tensor<32xf32>, %head: tensor<50x32xbf16>) -> (tensor<1xi32>, tensor<1x50xf32>, tensor<9x2x64x8xbf16>, tensor<9x2x64x8xbf16>) {
    %0 = "stablehlo.gather"(%cosines, %positions) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false} : (tensor<128x4xf32>, tensor<16xi32>) -> tensor<16x4xf32>
    %1 = "stablehlo.broadcast_in_dim"(%0) {broadcast_dimensions = array<i64: 0, 2>} : (tensor<16x4xf32>) -> tensor<16x6x4xf32>
    %2 = "stablehlo.gather"(%sines, %positions) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false} : (tensor<128x4xf32>, tensor<16xi32>) -> tensor<16x4xf32>
    %3 = "stablehlo.broadcast_in_dim"(%2) {broadcast_dimensions = array<i64: 0, 2>} : (tensor<16x4xf32>) -> tensor<16x6x4xf32>
    %4 = "stablehlo.iota"() {iota_dimension = 0 : i64} : () -> tensor<128xi32>
    %5 = "stablehlo.reshape"(%4) : (tensor<128xi32>) -> tensor<2x64xi32>
    %6 = "stablehlo.reshape"(%positions) : (tensor<16xi32>) -> tensor<1x16xi32>
    %7 = "stablehlo.broadcast_in_dim"(%5) {broadcast_dimensions = array<i64: 2, 3>} : (tensor<2x64xi32>) -> tensor<1x16x2x64xi32>
    %8 = "stablehlo.broadcast_in_dim"(%6) {broadcast_dimensions = array<i64: 0, 1>} : (tensor<1x16xi32>) -> tensor<1x16x2x64xi32>
    %9 = "stablehlo.compare"(%7, %8) {comparison_direction = #stablehlo<comparison_direction LE>} : (tensor<1x16x2x64xi32>, tensor<1x16x2x64xi32>) -> tensor<1x16x2x64xi1>
    %10 = "stablehlo.broadcast_in_dim"(%9) {broadcast_dimensions = array<i64: 0, 2, 4, 5>} : (tensor<1x16x2x64xi1>) -> tensor<1x2x16x2x2x64xi1>
    %11 = "stablehlo.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
    %12 = "stablehlo.reduce"(%6, %11) ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%c) : (tensor<i32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<1x16xi32>, tensor<i32>) -> tensor<1xi32>
    %13 = "stablehlo.broadcast_in_dim"(%5) {broadcast_dimensions = array<i64: 1, 2>} : (tensor<2x64xi32>) -> tensor<1x2x64xi32>
    %14 = "stablehlo.broadcast_in_dim"(%12) {broadcast_dimensions = array<i64: 0>} : (tensor<1xi32>) -> tensor<1x2x64xi32>
    %15 = "stablehlo.compare"(%13, %14) {comparison_direction = #stablehlo<comparison_direction LE>} : (tensor<1x2x64xi32>, tensor<1x2x64xi32>) -> tensor<1x2x64xi1>
    %16 = "stablehlo.broadcast_in_dim"(%15) {broadcast_dimensions = array<i64: 0, 1, 3>} : (tensor<1x2x64xi1>) -> tensor<1x2x2x64x8xi1>
    %17 = "stablehlo.constant"() {value = dense<49> : tensor<i32>} : () -> tensor<i32>
    %18 = "stablehlo.broadcast_in_dim"(%17) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<16xi32>
    %19 = "stablehlo.minimum"(%tokens, %18) : (tensor<16xi32>, tensor<16xi32>) -> tensor<16xi32>
    %20 = "stablehlo.gather"(%embedding, %19) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 32>, indices_are_sorted = false} : (tensor<50x32xbf16>, tensor<16xi32>) -> tensor<16x32xbf16>
    %21 = "stablehlo.convert"(%20) : (tensor<16x32xbf16>) -> tensor<16x32xf32>
    %22 = "stablehlo.multiply"(%21, %21) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %23 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %24 = "stablehlo.reduce"(%22, %23) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<16x32xf32>, tensor<f32>) -> tensor<16xf32>
    %25 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %26 = "stablehlo.broadcast_in_dim"(%25) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<16xf32>
    %27 = "stablehlo.multiply"(%24, %26) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    %28 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %29 = "stablehlo.broadcast_in_dim"(%28) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<16xf32>
    %30 = "stablehlo.add"(%27, %29) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    %31 = "stablehlo.rsqrt"(%30) : (tensor<16xf32>) -> tensor<16xf32>
    %32 = "stablehlo.broadcast_in_dim"(%31) {broadcast_dimensions = array<i64: 0>} : (tensor<16xf32>) -> tensor<16x32xf32>
    %33 = "stablehlo.multiply"(%21, %32) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %34 = "stablehlo.broadcast_in_dim"(%layer0.input_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<16x32xf32>
    %35 = "stablehlo.multiply"(%33, %34) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %36 = "stablehlo.convert"(%35) : (tensor<16x32xf32>) -> tensor<16x32xbf16>
    %37 = "stablehlo.dot_general"(%36, %layer0.qkv) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<16x32xbf16>, tensor<64x32xbf16>) -> tensor<16x64xf32>
    %38 = "stablehlo.broadcast_in_dim"(%layer0.qkv_bias) {broadcast_dimensions = array<i64: 1>} : (tensor<64xf32>) -> tensor<16x64xf32>
    %39 = "stablehlo.add"(%37, %38) : (tensor<16x64xf32>, tensor<16x64xf32>) -> tensor<16x64xf32>
    %40 = "stablehlo.reshape"(%39) : (tensor<16x64xf32>) -> tensor<16x8x8xf32>
    %41 = "stablehlo.slice"(%40) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 16, 6, 8>, strides = array<i64: 1, 1, 1>} : (tensor<16x8x8xf32>) -> tensor<16x6x8xf32>
    %42 = "stablehlo.slice"(%41) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 16, 6, 4>, strides = array<i64: 1, 1, 1>} : (tensor<16x6x8xf32>) -> tensor<16x6x4xf32>
    %43 = "stablehlo.slice"(%41) {start_indices = array<i64: 0, 0, 4>, limit_indices = array<i64: 16, 6, 8>, strides = array<i64: 1, 1, 1>} : (tensor<16x6x8xf32>) -> tensor<16x6x4xf32>
    %44 = "stablehlo.multiply"(%42, %1) : (tensor<16x6x4xf32>, tensor<16x6x4xf32>) -> tensor<16x6x4xf32>
    %45 = "stablehlo.multiply"(%43, %3) : (tensor<16x6x4xf32>, tensor<16x6x4xf32>) -> tensor<16x6x4xf32>
    %46 = "stablehlo.subtract"(%44, %45) : (tensor<16x6x4xf32>, tensor<16x6x4xf32>) -> tensor<16x6x4xf32>
    %47 = "stablehlo.multiply"(%43, %1) : (tensor<16x6x4xf32>, tensor<16x6x4xf32>) -> tensor<16x6x4xf32>
    %48 = "stablehlo.multiply"(%42, %3) : (tensor<16x6x4xf32>, tensor<16x6x4xf32>) -> tensor<16x6x4xf32>
    %49 = "stablehlo.add"(%47, %48) : (tensor<16x6x4xf32>, tensor<16x6x4xf32>) -> tensor<16x6x4xf32>
    %50 = "stablehlo.concatenate"(%46, %49) {dimension = 2 : i64} : (tensor<16x6x4xf32>, tensor<16x6x4xf32>) -> tensor<16x6x8xf32>
    %51 = "stablehlo.slice"(%50) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 16, 4, 8>, strides = array<i64: 1, 1, 1>} : (tensor<16x6x8xf32>) -> tensor<16x4x8xf32>
    %52 = "stablehlo.slice"(%50) {start_indices = array<i64: 0, 4, 0>, limit_indices = array<i64: 16, 6, 8>, strides = array<i64: 1, 1, 1>} : (tensor<16x6x8xf32>) -> tensor<16x2x8xf32>
    %53 = "stablehlo.slice"(%40) {start_indices = array<i64: 0, 6, 0>, limit_indices = array<i64: 16, 8, 8>, strides = array<i64: 1, 1, 1>} : (tensor<16x8x8xf32>) -> tensor<16x2x8xf32>
    %54 = "stablehlo.constant"() {value = dense<3.535533906e-01> : tensor<f32>} : () -> tensor<f32>
    %55 = "stablehlo.broadcast_in_dim"(%54) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<16x4x8xf32>
    %56 = "stablehlo.multiply"(%51, %55) : (tensor<16x4x8xf32>, tensor<16x4x8xf32>) -> tensor<16x4x8xf32>
    %57 = "stablehlo.reshape"(%56) : (tensor<16x4x8xf32>) -> tensor<1x16x2x2x8xf32>
    %58 = "stablehlo.transpose"(%57) {permutation = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x16x2x2x8xf32>) -> tensor<1x2x16x2x8xf32>
    %59 = "stablehlo.convert"(%52) : (tensor<16x2x8xf32>) -> tensor<16x2x8xbf16>
    %60 = "stablehlo.scatter"(%layer0.keys, %slots, %59) ({
    ^bb0(%a: tensor<bf16>, %b: tensor<bf16>):
      "stablehlo.return"(%b) : (tensor<bf16>) -> ()
    }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], inserted_window_dims = [0, 2], scatter_dims_to_operand_dims = [0, 2], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = true} : (tensor<9x2x64x8xbf16>, tensor<16x2xi32>, tensor<16x2x8xbf16>) -> tensor<9x2x64x8xbf16>
    %61 = "stablehlo.gather"(%60, %tables) {dimension_numbers = #stablehlo.gather<offset_dims = [2, 3, 4], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 2, 64, 8>, indices_are_sorted = false} : (tensor<9x2x64x8xbf16>, tensor<1x2xi32>) -> tensor<1x2x2x64x8xbf16>
    %62 = "stablehlo.convert"(%58) : (tensor<1x2x16x2x8xf32>) -> tensor<1x2x16x2x8xbf16>
    %63 = "stablehlo.dot_general"(%62, %61) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4], rhs_contracting_dimensions = [4]>} : (tensor<1x2x16x2x8xbf16>, tensor<1x2x2x64x8xbf16>) -> tensor<1x2x16x2x2x64xf32>
    %64 = "stablehlo.constant"() {value = dense<-1.000000000e+30> : tensor<f32>} : () -> tensor<f32>
    %65 = "stablehlo.broadcast_in_dim"(%64) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<1x2x16x2x2x64xf32>
    %66 = "stablehlo.select"(%10, %63, %65) : (tensor<1x2x16x2x2x64xi1>, tensor<1x2x16x2x2x64xf32>, tensor<1x2x16x2x2x64xf32>) -> tensor<1x2x16x2x2x64xf32>
    %67 = "stablehlo.constant"() {value = dense<-1.000000000e+30> : tensor<f32>} : () -> tensor<f32>
    %68 = "stablehlo.reduce"(%66, %67) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 4, 5>} : (tensor<1x2x16x2x2x64xf32>, tensor<f32>) -> tensor<1x2x16x2xf32>
    %69 = "stablehlo.broadcast_in_dim"(%68) {broadcast_dimensions = array<i64: 0, 1, 2, 3>} : (tensor<1x2x16x2xf32>) -> tensor<1x2x16x2x2x64xf32>
    %70 = "stablehlo.subtract"(%66, %69) : (tensor<1x2x16x2x2x64xf32>, tensor<1x2x16x2x2x64xf32>) -> tensor<1x2x16x2x2x64xf32>
    %71 = "stablehlo.exponential"(%70) : (tensor<1x2x16x2x2x64xf32>) -> tensor<1x2x16x2x2x64xf32>
    %72 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %73 = "stablehlo.reduce"(%71, %72) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 4, 5>} : (tensor<1x2x16x2x2x64xf32>, tensor<f32>) -> tensor<1x2x16x2xf32>
    %74 = "stablehlo.broadcast_in_dim"(%73) {broadcast_dimensions = array<i64: 0, 1, 2, 3>} : (tensor<1x2x16x2xf32>) -> tensor<1x2x16x2x2x64xf32>
    %75 = "stablehlo.divide"(%71, %74) : (tensor<1x2x16x2x2x64xf32>, tensor<1x2x16x2x2x64xf32>) -> tensor<1x2x16x2x2x64xf32>
    %76 = "stablehlo.convert"(%53) : (tensor<16x2x8xf32>) -> tensor<16x2x8xbf16>
    %77 = "stablehlo.scatter"(%layer0.values, %slots, %76) ({
    ^bb0(%a: tensor<bf16>, %b: tensor<bf16>):
      "stablehlo.return"(%b) : (tensor<bf16>) -> ()
    }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], inserted_window_dims = [0, 2], scatter_dims_to_operand_dims = [0, 2], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = true} : (tensor<9x2x64x8xbf16>, tensor<16x2xi32>, tensor<16x2x8xbf16>) -> tensor<9x2x64x8xbf16>
    %78 = "stablehlo.gather"(%77, %tables) {dimension_numbers = #stablehlo.gather<offset_dims = [2, 3, 4], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 2, 64, 8>, indices_are_sorted = false} : (tensor<9x2x64x8xbf16>, tensor<1x2xi32>) -> tensor<1x2x2x64x8xbf16>
    %79 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<bf16>} : () -> tensor<bf16>
    %80 = "stablehlo.broadcast_in_dim"(%79) {broadcast_dimensions = array<i64>} : (tensor<bf16>) -> tensor<1x2x2x64x8xbf16>
    %81 = "stablehlo.select"(%16, %78, %80) : (tensor<1x2x2x64x8xi1>, tensor<1x2x2x64x8xbf16>, tensor<1x2x2x64x8xbf16>) -> tensor<1x2x2x64x8xbf16>
    %82 = "stablehlo.convert"(%75) : (tensor<1x2x16x2x2x64xf32>) -> tensor<1x2x16x2x2x64xbf16>
    %83 = "stablehlo.dot_general"(%82, %81) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4, 5], rhs_contracting_dimensions = [1, 3]>} : (tensor<1x2x16x2x2x64xbf16>, tensor<1x2x2x64x8xbf16>) -> tensor<1x2x16x2x8xf32>
    %84 = "stablehlo.transpose"(%83) {permutation = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x2x16x2x8xf32>) -> tensor<1x16x2x2x8xf32>
    %85 = "stablehlo.reshape"(%84) : (tensor<1x16x2x2x8xf32>) -> tensor<16x32xf32>
    %86 = "stablehlo.convert"(%85) : (tensor<16x32xf32>) -> tensor<16x32xbf16>
    %87 = "stablehlo.dot_general"(%86, %layer0.output) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<16x32xbf16>, tensor<32x32xbf16>) -> tensor<16x32xf32>
    %88 = "stablehlo.broadcast_in_dim"(%layer0.output_bias) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<16x32xf32>
    %89 = "stablehlo.add"(%87, %88) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %90 = "stablehlo.add"(%21, %89) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %91 = "stablehlo.multiply"(%90, %90) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %92 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %93 = "stablehlo.reduce"(%91, %92) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<16x32xf32>, tensor<f32>) -> tensor<16xf32>
    %94 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %95 = "stablehlo.broadcast_in_dim"(%94) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<16xf32>
    %96 = "stablehlo.multiply"(%93, %95) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    %97 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %98 = "stablehlo.broadcast_in_dim"(%97) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<16xf32>
    %99 = "stablehlo.add"(%96, %98) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    %100 = "stablehlo.rsqrt"(%99) : (tensor<16xf32>) -> tensor<16xf32>
    %101 = "stablehlo.broadcast_in_dim"(%100) {broadcast_dimensions = array<i64: 0>} : (tensor<16xf32>) -> tensor<16x32xf32>
    %102 = "stablehlo.multiply"(%90, %101) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %103 = "stablehlo.broadcast_in_dim"(%layer0.post_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<16x32xf32>
    %104 = "stablehlo.multiply"(%102, %103) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %105 = "stablehlo.convert"(%104) : (tensor<16x32xf32>) -> tensor<16x32xbf16>
    %106 = "stablehlo.dot_general"(%105, %layer0.gate_up) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<16x32xbf16>, tensor<96x32xbf16>) -> tensor<16x96xf32>
    %107 = "stablehlo.broadcast_in_dim"(%layer0.gate_up_bias) {broadcast_dimensions = array<i64: 1>} : (tensor<96xf32>) -> tensor<16x96xf32>
    %108 = "stablehlo.add"(%106, %107) : (tensor<16x96xf32>, tensor<16x96xf32>) -> tensor<16x96xf32>
    %109 = "stablehlo.slice"(%108) {start_indices = array<i64: 0, 0>, limit_indices = array<i64: 16, 48>, strides = array<i64: 1, 1>} : (tensor<16x96xf32>) -> tensor<16x48xf32>
    %110 = "stablehlo.slice"(%108) {start_indices = array<i64: 0, 48>, limit_indices = array<i64: 16, 96>, strides = array<i64: 1, 1>} : (tensor<16x96xf32>) -> tensor<16x48xf32>
    %111 = "stablehlo.logistic"(%109) : (tensor<16x48xf32>) -> tensor<16x48xf32>
    %112 = "stablehlo.multiply"(%109, %111) : (tensor<16x48xf32>, tensor<16x48xf32>) -> tensor<16x48xf32>
    %113 = "stablehlo.multiply"(%112, %110) : (tensor<16x48xf32>, tensor<16x48xf32>) -> tensor<16x48xf32>
    %114 = "stablehlo.convert"(%113) : (tensor<16x48xf32>) -> tensor<16x48xbf16>
    %115 = "stablehlo.dot_general"(%114, %layer0.down) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<16x48xbf16>, tensor<32x48xbf16>) -> tensor<16x32xf32>
    %116 = "stablehlo.broadcast_in_dim"(%layer0.down_bias) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<16x32xf32>
    %117 = "stablehlo.add"(%115, %116) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %118 = "stablehlo.add"(%90, %117) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %119 = "stablehlo.gather"(%118, %rows) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 32>, indices_are_sorted = false} : (tensor<16x32xf32>, tensor<1xi32>) -> tensor<1x32xf32>
    %120 = "stablehlo.multiply"(%119, %119) : (tensor<1x32xf32>, tensor<1x32xf32>) -> tensor<1x32xf32>
    %121 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %122 = "stablehlo.reduce"(%120, %121) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<1x32xf32>, tensor<f32>) -> tensor<1xf32>
    %123 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %124 = "stablehlo.broadcast_in_dim"(%123) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<1xf32>
    %125 = "stablehlo.multiply"(%122, %124) : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
    %126 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %127 = "stablehlo.broadcast_in_dim"(%126) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<1xf32>
    %128 = "stablehlo.add"(%125, %127) : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
    %129 = "stablehlo.rsqrt"(%128) : (tensor<1xf32>) -> tensor<1xf32>
    %130 = "stablehlo.broadcast_in_dim"(%129) {broadcast_dimensions = array<i64: 0>} : (tensor<1xf32>) -> tensor<1x32xf32>
    %131 = "stablehlo.multiply"(%119, %130) : (tensor<1x32xf32>, tensor<1x32xf32>) -> tensor<1x32xf32>
    %132 = "stablehlo.broadcast_in_dim"(%final_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<1x32xf32>
    %133 = "stablehlo.multiply"(%131, %132) : (tensor<1x32xf32>, tensor<1x32xf32>) -> tensor<1x32xf32>
    %134 = "stablehlo.convert"(%133) : (tensor<1x32xf32>) -> tensor<1x32xbf16>
    %135 = "stablehlo.dot_general"(%134, %head) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<1x32xbf16>, tensor<50x32xbf16>) -> tensor<1x50xf32>
    %136 = "stablehlo.constant"() {value = dense<-3.402823466e+38> : tensor<f32>} : () -> tensor<f32>
    %137 = "stablehlo.reduce"(%135, %136) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<1x50xf32>, tensor<f32>) -> tensor<1xf32>
    %138 = "stablehlo.broadcast_in_dim"(%137) {broadcast_dimensions = array<i64: 0>} : (tensor<1xf32>) -> tensor<1x50xf32>
    %139 = "stablehlo.compare"(%135, %138) {comparison_direction = #stablehlo<comparison_direction GE>} : (tensor<1x50xf32>, tensor<1x50xf32>) -> tensor<1x50xi1>
    %140 = "stablehlo.iota"() {iota_dimension = 1 : i64} : () -> tensor<1x50xi32>
    %141 = "stablehlo.constant"() {value = dense<50> : tensor<i32>} : () -> tensor<i32>
    %142 = "stablehlo.broadcast_in_dim"(%141) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<1x50xi32>
    %143 = "stablehlo.select"(%139, %140, %142) : (tensor<1x50xi1>, tensor<1x50xi32>, tensor<1x50xi32>) -> tensor<1x50xi32>
    %144 = "stablehlo.constant"() {value = dense<50> : tensor<i32>} : () -> tensor<i32>
    %145 = "stablehlo.reduce"(%143, %144) ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>):
      %c = "stablehlo.minimum"(%a, %b) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%c) : (tensor<i32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<1x50xi32>, tensor<i32>) -> tensor<1xi32>
    return %145, %135, %60, %77 : tensor<1xi32>, tensor<1x50xf32>, tensor<9x2x64x8xbf16>, tensor<9x2x64x8xbf16>
  }
}
