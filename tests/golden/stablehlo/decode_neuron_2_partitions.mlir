module @puna attributes {mhlo.num_partitions = 2 : i32, mhlo.num_replicas = 1 : i32} {
  "sdy.mesh"() {mesh = #sdy.mesh<["tp"=2]>, sym_name = "mesh"} : () -> ()
  func.func public @main(%arg0: tensor<4xi32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg1: tensor<4xi32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg2: tensor<4x2xi32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}]>}, %arg3: tensor<2xi32> {sdy.sharding = #sdy.sharding<@mesh, [{"tp"}]>}, %arg4: tensor<128x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}]>}, %arg5: tensor<128x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}]>}, %arg6: tensor<50x32xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"tp"}, {}]>}, %arg7: tensor<32xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg8: tensor<64x32xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"tp"}, {}]>}, %arg9: tensor<9x2x64x8xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}, {}, {}]>, tf.aliasing_output = 2 : i32}, %arg10: tensor<9x2x64x8xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}, {}, {}]>, tf.aliasing_output = 3 : i32}, %arg11: tensor<32x32xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}]>}, %arg12: tensor<32xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg13: tensor<96x32xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"tp"}, {}]>}, %arg14: tensor<32x48xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}]>}, %arg15: tensor<32xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}) -> (tensor<4xi32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, tensor<4x50xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}]>}, tensor<9x2x64x8xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}, {}, {}]>}, tensor<9x2x64x8xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}, {}, {}]>}) {
    %whole:4 = "sdy.manual_computation"(%arg0, %arg1, %arg2, %arg3, %arg4, %arg5, %arg6, %arg7, %arg8, %arg9, %arg10, %arg11, %arg12, %arg13, %arg14, %arg15) ({
    ^bb0(%tokens: tensor<4xi32>, %positions: tensor<4xi32>, %slots: tensor<4x2xi32>, %rank: tensor<1xi32>, %cosines: tensor<128x4xf32>, %sines: tensor<128x4xf32>, %embedding: tensor<25x32xbf16>, %layer0.input_norm: tensor<32xf32>, %layer0.qkv: tensor<32x32xbf16>, %layer0.keys: tensor<9x1x64x8xbf16>, %layer0.values: tensor<9x1x64x8xbf16>, %layer0.output: tensor<32x16xbf16>, %layer0.post_norm: tensor<32xf32>, %layer0.gate_up: tensor<48x32xbf16>, %layer0.down: tensor<32x24xbf16>, %final_norm: tensor<32xf32>):
    %0 = "stablehlo.gather"(%cosines, %positions) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false} : (tensor<128x4xf32>, tensor<4xi32>) -> tensor<4x4xf32>
    %1 = "stablehlo.broadcast_in_dim"(%0) {broadcast_dimensions = array<i64: 0, 2>} : (tensor<4x4xf32>) -> tensor<4x3x4xf32>
    %2 = "stablehlo.gather"(%sines, %positions) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false} : (tensor<128x4xf32>, tensor<4xi32>) -> tensor<4x4xf32>
    %3 = "stablehlo.broadcast_in_dim"(%2) {broadcast_dimensions = array<i64: 0, 2>} : (tensor<4x4xf32>) -> tensor<4x3x4xf32>
    %4 = "stablehlo.iota"() {iota_dimension = 0 : i64} : () -> tensor<128xi32>
    %5 = "stablehlo.reshape"(%4) : (tensor<128xi32>) -> tensor<2x64xi32>
    %6 = "stablehlo.reshape"(%positions) : (tensor<4xi32>) -> tensor<4x1xi32>
    %7 = "stablehlo.broadcast_in_dim"(%5) {broadcast_dimensions = array<i64: 2, 3>} : (tensor<2x64xi32>) -> tensor<4x1x2x64xi32>
    %8 = "stablehlo.broadcast_in_dim"(%6) {broadcast_dimensions = array<i64: 0, 1>} : (tensor<4x1xi32>) -> tensor<4x1x2x64xi32>
    %9 = "stablehlo.compare"(%7, %8) {comparison_direction = #stablehlo<comparison_direction LE>} : (tensor<4x1x2x64xi32>, tensor<4x1x2x64xi32>) -> tensor<4x1x2x64xi1>
    %10 = "stablehlo.broadcast_in_dim"(%9) {broadcast_dimensions = array<i64: 0, 2, 4, 5>} : (tensor<4x1x2x64xi1>) -> tensor<4x1x1x2x2x64xi1>
    %11 = "stablehlo.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
    %12 = "stablehlo.reduce"(%6, %11) ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%c) : (tensor<i32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x1xi32>, tensor<i32>) -> tensor<4xi32>
    %13 = "stablehlo.broadcast_in_dim"(%5) {broadcast_dimensions = array<i64: 1, 2>} : (tensor<2x64xi32>) -> tensor<4x2x64xi32>
    %14 = "stablehlo.broadcast_in_dim"(%12) {broadcast_dimensions = array<i64: 0>} : (tensor<4xi32>) -> tensor<4x2x64xi32>
    %15 = "stablehlo.compare"(%13, %14) {comparison_direction = #stablehlo<comparison_direction LE>} : (tensor<4x2x64xi32>, tensor<4x2x64xi32>) -> tensor<4x2x64xi1>
    %16 = "stablehlo.broadcast_in_dim"(%15) {broadcast_dimensions = array<i64: 0, 1, 3>} : (tensor<4x2x64xi1>) -> tensor<4x2x1x64x8xi1>
    %17 = "stablehlo.reshape"(%rank) : (tensor<1xi32>) -> tensor<i32>
    %18 = "stablehlo.constant"() {value = dense<25> : tensor<i32>} : () -> tensor<i32>
    %19 = "stablehlo.multiply"(%17, %18) : (tensor<i32>, tensor<i32>) -> tensor<i32>
    %20 = "stablehlo.broadcast_in_dim"(%19) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<4xi32>
    %21 = "stablehlo.subtract"(%tokens, %20) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
    %22 = "stablehlo.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
    %23 = "stablehlo.broadcast_in_dim"(%22) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<4xi32>
    %24 = "stablehlo.constant"() {value = dense<25> : tensor<i32>} : () -> tensor<i32>
    %25 = "stablehlo.broadcast_in_dim"(%24) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<4xi32>
    %26 = "stablehlo.compare"(%21, %23) {comparison_direction = #stablehlo<comparison_direction GE>} : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi1>
    %27 = "stablehlo.compare"(%21, %25) {comparison_direction = #stablehlo<comparison_direction LT>} : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi1>
    %28 = "stablehlo.and"(%26, %27) : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
    %29 = "stablehlo.select"(%28, %21, %23) : (tensor<4xi1>, tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
    %30 = "stablehlo.gather"(%embedding, %29) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 32>, indices_are_sorted = false} : (tensor<25x32xbf16>, tensor<4xi32>) -> tensor<4x32xbf16>
    %31 = "stablehlo.convert"(%30) : (tensor<4x32xbf16>) -> tensor<4x32xf32>
    %32 = "stablehlo.broadcast_in_dim"(%28) {broadcast_dimensions = array<i64: 0>} : (tensor<4xi1>) -> tensor<4x32xi1>
    %33 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %34 = "stablehlo.broadcast_in_dim"(%33) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4x32xf32>
    %35 = "stablehlo.select"(%32, %31, %34) : (tensor<4x32xi1>, tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %36 = "stablehlo.all_reduce"(%35) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, channel_handle = #stablehlo.channel_handle<handle = 1, type = 1>, use_global_device_ids} : (tensor<4x32xf32>) -> tensor<4x32xf32>
    %37 = "stablehlo.multiply"(%36, %36) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %38 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %39 = "stablehlo.reduce"(%37, %38) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x32xf32>, tensor<f32>) -> tensor<4xf32>
    %40 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %41 = "stablehlo.broadcast_in_dim"(%40) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %42 = "stablehlo.multiply"(%39, %41) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %43 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %44 = "stablehlo.broadcast_in_dim"(%43) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %45 = "stablehlo.add"(%42, %44) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %46 = "stablehlo.rsqrt"(%45) : (tensor<4xf32>) -> tensor<4xf32>
    %47 = "stablehlo.broadcast_in_dim"(%46) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x32xf32>
    %48 = "stablehlo.multiply"(%36, %47) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %49 = "stablehlo.broadcast_in_dim"(%layer0.input_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<4x32xf32>
    %50 = "stablehlo.multiply"(%48, %49) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %51 = "stablehlo.convert"(%50) : (tensor<4x32xf32>) -> tensor<4x32xbf16>
    %52 = "stablehlo.dot_general"(%51, %layer0.qkv) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<4x32xbf16>, tensor<32x32xbf16>) -> tensor<4x32xf32>
    %53 = "stablehlo.reshape"(%52) : (tensor<4x32xf32>) -> tensor<4x4x8xf32>
    %54 = "stablehlo.slice"(%53) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 4, 3, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x4x8xf32>) -> tensor<4x3x8xf32>
    %55 = "stablehlo.slice"(%54) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 4, 3, 4>, strides = array<i64: 1, 1, 1>} : (tensor<4x3x8xf32>) -> tensor<4x3x4xf32>
    %56 = "stablehlo.slice"(%54) {start_indices = array<i64: 0, 0, 4>, limit_indices = array<i64: 4, 3, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x3x8xf32>) -> tensor<4x3x4xf32>
    %57 = "stablehlo.multiply"(%55, %1) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %58 = "stablehlo.multiply"(%56, %3) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %59 = "stablehlo.subtract"(%57, %58) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %60 = "stablehlo.multiply"(%56, %1) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %61 = "stablehlo.multiply"(%55, %3) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %62 = "stablehlo.add"(%60, %61) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %63 = "stablehlo.concatenate"(%59, %62) {dimension = 2 : i64} : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x8xf32>
    %64 = "stablehlo.slice"(%63) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 4, 2, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x3x8xf32>) -> tensor<4x2x8xf32>
    %65 = "stablehlo.slice"(%63) {start_indices = array<i64: 0, 2, 0>, limit_indices = array<i64: 4, 3, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x3x8xf32>) -> tensor<4x1x8xf32>
    %66 = "stablehlo.slice"(%53) {start_indices = array<i64: 0, 3, 0>, limit_indices = array<i64: 4, 4, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x4x8xf32>) -> tensor<4x1x8xf32>
    %67 = "stablehlo.constant"() {value = dense<3.535533906e-01> : tensor<f32>} : () -> tensor<f32>
    %68 = "stablehlo.broadcast_in_dim"(%67) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4x2x8xf32>
    %69 = "stablehlo.multiply"(%64, %68) : (tensor<4x2x8xf32>, tensor<4x2x8xf32>) -> tensor<4x2x8xf32>
    %70 = "stablehlo.reshape"(%69) : (tensor<4x2x8xf32>) -> tensor<4x1x1x2x8xf32>
    %71 = "stablehlo.convert"(%65) : (tensor<4x1x8xf32>) -> tensor<4x1x8xbf16>
    %72 = "stablehlo.scatter"(%layer0.keys, %slots, %71) ({
    ^bb0(%a: tensor<bf16>, %b: tensor<bf16>):
      "stablehlo.return"(%b) : (tensor<bf16>) -> ()
    }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], inserted_window_dims = [0, 2], scatter_dims_to_operand_dims = [0, 2], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = true} : (tensor<9x1x64x8xbf16>, tensor<4x2xi32>, tensor<4x1x8xbf16>) -> tensor<9x1x64x8xbf16>
    %73 = "stablehlo.slice"(%72) {start_indices = array<i64: 0, 0, 0, 0>, limit_indices = array<i64: 8, 1, 64, 8>, strides = array<i64: 1, 1, 1, 1>} : (tensor<9x1x64x8xbf16>) -> tensor<8x1x64x8xbf16>
    %74 = "stablehlo.reshape"(%73) : (tensor<8x1x64x8xbf16>) -> tensor<4x2x1x64x8xbf16>
    %75 = "stablehlo.convert"(%70) : (tensor<4x1x1x2x8xf32>) -> tensor<4x1x1x2x8xbf16>
    %76 = "stablehlo.dot_general"(%75, %74) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4], rhs_contracting_dimensions = [4]>} : (tensor<4x1x1x2x8xbf16>, tensor<4x2x1x64x8xbf16>) -> tensor<4x1x1x2x2x64xf32>
    %77 = "stablehlo.constant"() {value = dense<-1.000000000e+30> : tensor<f32>} : () -> tensor<f32>
    %78 = "stablehlo.broadcast_in_dim"(%77) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4x1x1x2x2x64xf32>
    %79 = "stablehlo.select"(%10, %76, %78) : (tensor<4x1x1x2x2x64xi1>, tensor<4x1x1x2x2x64xf32>, tensor<4x1x1x2x2x64xf32>) -> tensor<4x1x1x2x2x64xf32>
    %80 = "stablehlo.constant"() {value = dense<-1.000000000e+30> : tensor<f32>} : () -> tensor<f32>
    %81 = "stablehlo.reduce"(%79, %80) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 4, 5>} : (tensor<4x1x1x2x2x64xf32>, tensor<f32>) -> tensor<4x1x1x2xf32>
    %82 = "stablehlo.broadcast_in_dim"(%81) {broadcast_dimensions = array<i64: 0, 1, 2, 3>} : (tensor<4x1x1x2xf32>) -> tensor<4x1x1x2x2x64xf32>
    %83 = "stablehlo.subtract"(%79, %82) : (tensor<4x1x1x2x2x64xf32>, tensor<4x1x1x2x2x64xf32>) -> tensor<4x1x1x2x2x64xf32>
    %84 = "stablehlo.exponential"(%83) : (tensor<4x1x1x2x2x64xf32>) -> tensor<4x1x1x2x2x64xf32>
    %85 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %86 = "stablehlo.reduce"(%84, %85) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 4, 5>} : (tensor<4x1x1x2x2x64xf32>, tensor<f32>) -> tensor<4x1x1x2xf32>
    %87 = "stablehlo.broadcast_in_dim"(%86) {broadcast_dimensions = array<i64: 0, 1, 2, 3>} : (tensor<4x1x1x2xf32>) -> tensor<4x1x1x2x2x64xf32>
    %88 = "stablehlo.divide"(%84, %87) : (tensor<4x1x1x2x2x64xf32>, tensor<4x1x1x2x2x64xf32>) -> tensor<4x1x1x2x2x64xf32>
    %89 = "stablehlo.convert"(%66) : (tensor<4x1x8xf32>) -> tensor<4x1x8xbf16>
    %90 = "stablehlo.scatter"(%layer0.values, %slots, %89) ({
    ^bb0(%a: tensor<bf16>, %b: tensor<bf16>):
      "stablehlo.return"(%b) : (tensor<bf16>) -> ()
    }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], inserted_window_dims = [0, 2], scatter_dims_to_operand_dims = [0, 2], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = true} : (tensor<9x1x64x8xbf16>, tensor<4x2xi32>, tensor<4x1x8xbf16>) -> tensor<9x1x64x8xbf16>
    %91 = "stablehlo.slice"(%90) {start_indices = array<i64: 0, 0, 0, 0>, limit_indices = array<i64: 8, 1, 64, 8>, strides = array<i64: 1, 1, 1, 1>} : (tensor<9x1x64x8xbf16>) -> tensor<8x1x64x8xbf16>
    %92 = "stablehlo.reshape"(%91) : (tensor<8x1x64x8xbf16>) -> tensor<4x2x1x64x8xbf16>
    %93 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<bf16>} : () -> tensor<bf16>
    %94 = "stablehlo.broadcast_in_dim"(%93) {broadcast_dimensions = array<i64>} : (tensor<bf16>) -> tensor<4x2x1x64x8xbf16>
    %95 = "stablehlo.select"(%16, %92, %94) : (tensor<4x2x1x64x8xi1>, tensor<4x2x1x64x8xbf16>, tensor<4x2x1x64x8xbf16>) -> tensor<4x2x1x64x8xbf16>
    %96 = "stablehlo.convert"(%88) : (tensor<4x1x1x2x2x64xf32>) -> tensor<4x1x1x2x2x64xbf16>
    %97 = "stablehlo.dot_general"(%96, %95) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4, 5], rhs_contracting_dimensions = [1, 3]>} : (tensor<4x1x1x2x2x64xbf16>, tensor<4x2x1x64x8xbf16>) -> tensor<4x1x1x2x8xf32>
    %98 = "stablehlo.reshape"(%97) : (tensor<4x1x1x2x8xf32>) -> tensor<4x16xf32>
    %99 = "stablehlo.convert"(%98) : (tensor<4x16xf32>) -> tensor<4x16xbf16>
    %100 = "stablehlo.dot_general"(%99, %layer0.output) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<4x16xbf16>, tensor<32x16xbf16>) -> tensor<4x32xf32>
    %101 = "stablehlo.all_reduce"(%100) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, channel_handle = #stablehlo.channel_handle<handle = 2, type = 1>, use_global_device_ids} : (tensor<4x32xf32>) -> tensor<4x32xf32>
    %102 = "stablehlo.add"(%36, %101) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %103 = "stablehlo.multiply"(%102, %102) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %104 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %105 = "stablehlo.reduce"(%103, %104) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x32xf32>, tensor<f32>) -> tensor<4xf32>
    %106 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %107 = "stablehlo.broadcast_in_dim"(%106) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %108 = "stablehlo.multiply"(%105, %107) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %109 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %110 = "stablehlo.broadcast_in_dim"(%109) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %111 = "stablehlo.add"(%108, %110) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %112 = "stablehlo.rsqrt"(%111) : (tensor<4xf32>) -> tensor<4xf32>
    %113 = "stablehlo.broadcast_in_dim"(%112) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x32xf32>
    %114 = "stablehlo.multiply"(%102, %113) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %115 = "stablehlo.broadcast_in_dim"(%layer0.post_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<4x32xf32>
    %116 = "stablehlo.multiply"(%114, %115) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %117 = "stablehlo.convert"(%116) : (tensor<4x32xf32>) -> tensor<4x32xbf16>
    %118 = "stablehlo.dot_general"(%117, %layer0.gate_up) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<4x32xbf16>, tensor<48x32xbf16>) -> tensor<4x48xf32>
    %119 = "stablehlo.slice"(%118) {start_indices = array<i64: 0, 0>, limit_indices = array<i64: 4, 24>, strides = array<i64: 1, 1>} : (tensor<4x48xf32>) -> tensor<4x24xf32>
    %120 = "stablehlo.slice"(%118) {start_indices = array<i64: 0, 24>, limit_indices = array<i64: 4, 48>, strides = array<i64: 1, 1>} : (tensor<4x48xf32>) -> tensor<4x24xf32>
    %121 = "stablehlo.logistic"(%119) : (tensor<4x24xf32>) -> tensor<4x24xf32>
    %122 = "stablehlo.multiply"(%119, %121) : (tensor<4x24xf32>, tensor<4x24xf32>) -> tensor<4x24xf32>
    %123 = "stablehlo.multiply"(%122, %120) : (tensor<4x24xf32>, tensor<4x24xf32>) -> tensor<4x24xf32>
    %124 = "stablehlo.convert"(%123) : (tensor<4x24xf32>) -> tensor<4x24xbf16>
    %125 = "stablehlo.dot_general"(%124, %layer0.down) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<4x24xbf16>, tensor<32x24xbf16>) -> tensor<4x32xf32>
    %126 = "stablehlo.all_reduce"(%125) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, channel_handle = #stablehlo.channel_handle<handle = 3, type = 1>, use_global_device_ids} : (tensor<4x32xf32>) -> tensor<4x32xf32>
    %127 = "stablehlo.add"(%102, %126) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %128 = "stablehlo.multiply"(%127, %127) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %129 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %130 = "stablehlo.reduce"(%128, %129) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x32xf32>, tensor<f32>) -> tensor<4xf32>
    %131 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %132 = "stablehlo.broadcast_in_dim"(%131) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %133 = "stablehlo.multiply"(%130, %132) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %134 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %135 = "stablehlo.broadcast_in_dim"(%134) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %136 = "stablehlo.add"(%133, %135) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %137 = "stablehlo.rsqrt"(%136) : (tensor<4xf32>) -> tensor<4xf32>
    %138 = "stablehlo.broadcast_in_dim"(%137) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x32xf32>
    %139 = "stablehlo.multiply"(%127, %138) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %140 = "stablehlo.broadcast_in_dim"(%final_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<4x32xf32>
    %141 = "stablehlo.multiply"(%139, %140) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %142 = "stablehlo.convert"(%141) : (tensor<4x32xf32>) -> tensor<4x32xbf16>
    %143 = "stablehlo.dot_general"(%142, %embedding) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<4x32xbf16>, tensor<25x32xbf16>) -> tensor<4x25xf32>
    %144 = "stablehlo.all_gather"(%143) {all_gather_dim = 1 : i64, replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, channel_handle = #stablehlo.channel_handle<handle = 4, type = 1>, use_global_device_ids} : (tensor<4x25xf32>) -> tensor<4x50xf32>
    %145 = "stablehlo.constant"() {value = dense<-3.402823466e+38> : tensor<f32>} : () -> tensor<f32>
    %146 = "stablehlo.reduce"(%144, %145) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x50xf32>, tensor<f32>) -> tensor<4xf32>
    %147 = "stablehlo.broadcast_in_dim"(%146) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x50xf32>
    %148 = "stablehlo.compare"(%144, %147) {comparison_direction = #stablehlo<comparison_direction GE>} : (tensor<4x50xf32>, tensor<4x50xf32>) -> tensor<4x50xi1>
    %149 = "stablehlo.iota"() {iota_dimension = 1 : i64} : () -> tensor<4x50xi32>
    %150 = "stablehlo.constant"() {value = dense<50> : tensor<i32>} : () -> tensor<i32>
    %151 = "stablehlo.broadcast_in_dim"(%150) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<4x50xi32>
    %152 = "stablehlo.select"(%148, %149, %151) : (tensor<4x50xi1>, tensor<4x50xi32>, tensor<4x50xi32>) -> tensor<4x50xi32>
    %153 = "stablehlo.constant"() {value = dense<50> : tensor<i32>} : () -> tensor<i32>
    %154 = "stablehlo.reduce"(%152, %153) ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>):
      %c = "stablehlo.minimum"(%a, %b) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%c) : (tensor<i32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x50xi32>, tensor<i32>) -> tensor<4xi32>
    "sdy.return"(%154, %144, %72, %90) : (tensor<4xi32>, tensor<4x50xf32>, tensor<9x1x64x8xbf16>, tensor<9x1x64x8xbf16>) -> ()
    }) {in_shardings = #sdy.sharding_per_value<[<@mesh, [{}]>, <@mesh, [{}]>, <@mesh, [{}, {}]>, <@mesh, [{"tp"}]>, <@mesh, [{}, {}]>, <@mesh, [{}, {}]>, <@mesh, [{"tp"}, {}]>, <@mesh, [{}]>, <@mesh, [{"tp"}, {}]>, <@mesh, [{}, {"tp"}, {}, {}]>, <@mesh, [{}, {"tp"}, {}, {}]>, <@mesh, [{}, {"tp"}]>, <@mesh, [{}]>, <@mesh, [{"tp"}, {}]>, <@mesh, [{}, {"tp"}]>, <@mesh, [{}]>]>, manual_axes = #sdy<manual_axes{"tp"}>, out_shardings = #sdy.sharding_per_value<[<@mesh, [{}]>, <@mesh, [{}, {}]>, <@mesh, [{}, {"tp"}, {}, {}]>, <@mesh, [{}, {"tp"}, {}, {}]>]>} : (tensor<4xi32>, tensor<4xi32>, tensor<4x2xi32>, tensor<2xi32>, tensor<128x4xf32>, tensor<128x4xf32>, tensor<50x32xbf16>, tensor<32xf32>, tensor<64x32xbf16>, tensor<9x2x64x8xbf16>, tensor<9x2x64x8xbf16>, tensor<32x32xbf16>, tensor<32xf32>, tensor<96x32xbf16>, tensor<32x48xbf16>, tensor<32xf32>) -> (tensor<4xi32>, tensor<4x50xf32>, tensor<9x2x64x8xbf16>, tensor<9x2x64x8xbf16>)
    return %whole#0, %whole#1, %whole#2, %whole#3 : tensor<4xi32>, tensor<4x50xf32>, tensor<9x2x64x8xbf16>, tensor<9x2x64x8xbf16>
  }
}
