module @puna attributes {mhlo.num_partitions = 4 : i32, mhlo.num_replicas = 1 : i32} {
  "sdy.mesh"() {mesh = #sdy.mesh<["tp"=4]>, sym_name = "mesh"} : () -> ()
  func.func public @main(%arg0: tensor<16xi32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg1: tensor<16xi32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg2: tensor<16x2xi32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}]>}, %arg3: tensor<i32> {sdy.sharding = #sdy.sharding<@mesh, []>}, %arg4: tensor<1xi32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg5: tensor<4xi32> {sdy.sharding = #sdy.sharding<@mesh, [{"tp"}]>}, %arg6: tensor<128x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}]>}, %arg7: tensor<128x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}]>}, %arg8: tensor<52x32xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"tp"}, {}]>}, %arg9: tensor<32xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg10: tensor<96x32xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"tp"}, {}]>}, %arg11: tensor<96xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"tp"}]>}, %arg12: tensor<9x4x64x8xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}, {}, {}]>, tf.aliasing_output = 2 : i32}, %arg13: tensor<9x4x64x8xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}, {}, {}]>, tf.aliasing_output = 3 : i32}, %arg14: tensor<32x32xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}]>}, %arg15: tensor<32xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg16: tensor<32xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg17: tensor<96x32xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"tp"}, {}]>}, %arg18: tensor<96xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"tp"}]>}, %arg19: tensor<32x48xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}]>}, %arg20: tensor<32xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg21: tensor<32xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, %arg22: tensor<52x32xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"tp"}, {}]>}) -> (tensor<1xi32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}, tensor<1x50xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}]>}, tensor<9x4x64x8xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}, {}, {}]>}, tensor<9x4x64x8xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"tp"}, {}, {}]>}) {
    %whole:4 = "sdy.manual_computation"(%arg0, %arg1, %arg2, %arg3, %arg4, %arg5, %arg6, %arg7, %arg8, %arg9, %arg10, %arg11, %arg12, %arg13, %arg14, %arg15, %arg16, %arg17, %arg18, %arg19, %arg20, %arg21, %arg22) ({
    ^bb0(%tokens: tensor<16xi32>, %positions: tensor<16xi32>, %slots: tensor<16x2xi32>, %first_block: tensor<i32>, %rows: tensor<1xi32>, %rank: tensor<1xi32>, %cosines: tensor<128x4xf32>, %sines: tensor<128x4xf32>, %embedding: tensor<13x32xbf16>, %layer0.input_norm: tensor<32xf32>, %layer0.qkv: tensor<24x32xbf16>, %layer0.qkv_bias: tensor<24xf32>, %layer0.keys: tensor<9x1x64x8xbf16>, %layer0.values: tensor<9x1x64x8xbf16>, %layer0.output: tensor<32x8xbf16>, %layer0.output_bias: tensor<32xf32>, %layer0.post_norm: tensor<32xf32>, %layer0.gate_up: tensor<24x32xbf16>, %layer0.gate_up_bias: tensor<24xf32>, %layer0.down: tensor<32x12xbf16>, %layer0.down_bias: tensor<32xf32>, %final_norm: tensor<32xf32>, %head: tensor<13x32xbf16>):
    %0 = "stablehlo.gather"(%cosines, %positions) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false} : (tensor<128x4xf32>, tensor<16xi32>) -> tensor<16x4xf32>
    %1 = "stablehlo.broadcast_in_dim"(%0) {broadcast_dimensions = array<i64: 0, 2>} : (tensor<16x4xf32>) -> tensor<16x2x4xf32>
    %2 = "stablehlo.gather"(%sines, %positions) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false} : (tensor<128x4xf32>, tensor<16xi32>) -> tensor<16x4xf32>
    %3 = "stablehlo.broadcast_in_dim"(%2) {broadcast_dimensions = array<i64: 0, 2>} : (tensor<16x4xf32>) -> tensor<16x2x4xf32>
    %4 = "stablehlo.iota"() {iota_dimension = 0 : i64} : () -> tensor<128xi32>
    %5 = "stablehlo.reshape"(%4) : (tensor<128xi32>) -> tensor<2x64xi32>
    %6 = "stablehlo.reshape"(%positions) : (tensor<16xi32>) -> tensor<1x16xi32>
    %7 = "stablehlo.broadcast_in_dim"(%5) {broadcast_dimensions = array<i64: 2, 3>} : (tensor<2x64xi32>) -> tensor<1x16x2x64xi32>
    %8 = "stablehlo.broadcast_in_dim"(%6) {broadcast_dimensions = array<i64: 0, 1>} : (tensor<1x16xi32>) -> tensor<1x16x2x64xi32>
    %9 = "stablehlo.compare"(%7, %8) {comparison_direction = #stablehlo<comparison_direction LE>} : (tensor<1x16x2x64xi32>, tensor<1x16x2x64xi32>) -> tensor<1x16x2x64xi1>
    %10 = "stablehlo.broadcast_in_dim"(%9) {broadcast_dimensions = array<i64: 0, 2, 4, 5>} : (tensor<1x16x2x64xi1>) -> tensor<1x1x16x1x2x64xi1>
    %11 = "stablehlo.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
    %12 = "stablehlo.reduce"(%6, %11) ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%c) : (tensor<i32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<1x16xi32>, tensor<i32>) -> tensor<1xi32>
    %13 = "stablehlo.broadcast_in_dim"(%5) {broadcast_dimensions = array<i64: 1, 2>} : (tensor<2x64xi32>) -> tensor<1x2x64xi32>
    %14 = "stablehlo.broadcast_in_dim"(%12) {broadcast_dimensions = array<i64: 0>} : (tensor<1xi32>) -> tensor<1x2x64xi32>
    %15 = "stablehlo.compare"(%13, %14) {comparison_direction = #stablehlo<comparison_direction LE>} : (tensor<1x2x64xi32>, tensor<1x2x64xi32>) -> tensor<1x2x64xi1>
    %16 = "stablehlo.broadcast_in_dim"(%15) {broadcast_dimensions = array<i64: 0, 1, 3>} : (tensor<1x2x64xi1>) -> tensor<1x2x1x64x8xi1>
    %17 = "stablehlo.reshape"(%rank) : (tensor<1xi32>) -> tensor<i32>
    %18 = "stablehlo.constant"() {value = dense<13> : tensor<i32>} : () -> tensor<i32>
    %19 = "stablehlo.multiply"(%17, %18) : (tensor<i32>, tensor<i32>) -> tensor<i32>
    %20 = "stablehlo.broadcast_in_dim"(%19) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<16xi32>
    %21 = "stablehlo.subtract"(%tokens, %20) : (tensor<16xi32>, tensor<16xi32>) -> tensor<16xi32>
    %22 = "stablehlo.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
    %23 = "stablehlo.broadcast_in_dim"(%22) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<16xi32>
    %24 = "stablehlo.constant"() {value = dense<13> : tensor<i32>} : () -> tensor<i32>
    %25 = "stablehlo.broadcast_in_dim"(%24) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<16xi32>
    %26 = "stablehlo.compare"(%21, %23) {comparison_direction = #stablehlo<comparison_direction GE>} : (tensor<16xi32>, tensor<16xi32>) -> tensor<16xi1>
    %27 = "stablehlo.compare"(%21, %25) {comparison_direction = #stablehlo<comparison_direction LT>} : (tensor<16xi32>, tensor<16xi32>) -> tensor<16xi1>
    %28 = "stablehlo.and"(%26, %27) : (tensor<16xi1>, tensor<16xi1>) -> tensor<16xi1>
    %29 = "stablehlo.select"(%28, %21, %23) : (tensor<16xi1>, tensor<16xi32>, tensor<16xi32>) -> tensor<16xi32>
    %30 = "stablehlo.gather"(%embedding, %29) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 32>, indices_are_sorted = false} : (tensor<13x32xbf16>, tensor<16xi32>) -> tensor<16x32xbf16>
    %31 = "stablehlo.convert"(%30) : (tensor<16x32xbf16>) -> tensor<16x32xf32>
    %32 = "stablehlo.broadcast_in_dim"(%28) {broadcast_dimensions = array<i64: 0>} : (tensor<16xi1>) -> tensor<16x32xi1>
    %33 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %34 = "stablehlo.broadcast_in_dim"(%33) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<16x32xf32>
    %35 = "stablehlo.select"(%32, %31, %34) : (tensor<16x32xi1>, tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %36 = "stablehlo.all_reduce"(%35) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {replica_groups = dense<[[0, 1, 2, 3]]> : tensor<1x4xi64>, channel_handle = #stablehlo.channel_handle<handle = 1, type = 1>, use_global_device_ids} : (tensor<16x32xf32>) -> tensor<16x32xf32>
    %37 = "stablehlo.multiply"(%36, %36) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %38 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %39 = "stablehlo.reduce"(%37, %38) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<16x32xf32>, tensor<f32>) -> tensor<16xf32>
    %40 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %41 = "stablehlo.broadcast_in_dim"(%40) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<16xf32>
    %42 = "stablehlo.multiply"(%39, %41) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    %43 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %44 = "stablehlo.broadcast_in_dim"(%43) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<16xf32>
    %45 = "stablehlo.add"(%42, %44) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    %46 = "stablehlo.rsqrt"(%45) : (tensor<16xf32>) -> tensor<16xf32>
    %47 = "stablehlo.broadcast_in_dim"(%46) {broadcast_dimensions = array<i64: 0>} : (tensor<16xf32>) -> tensor<16x32xf32>
    %48 = "stablehlo.multiply"(%36, %47) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %49 = "stablehlo.broadcast_in_dim"(%layer0.input_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<16x32xf32>
    %50 = "stablehlo.multiply"(%48, %49) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %51 = "stablehlo.convert"(%50) : (tensor<16x32xf32>) -> tensor<16x32xbf16>
    %52 = "stablehlo.dot_general"(%51, %layer0.qkv) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<16x32xbf16>, tensor<24x32xbf16>) -> tensor<16x24xf32>
    %53 = "stablehlo.broadcast_in_dim"(%layer0.qkv_bias) {broadcast_dimensions = array<i64: 1>} : (tensor<24xf32>) -> tensor<16x24xf32>
    %54 = "stablehlo.add"(%52, %53) : (tensor<16x24xf32>, tensor<16x24xf32>) -> tensor<16x24xf32>
    %55 = "stablehlo.reshape"(%54) : (tensor<16x24xf32>) -> tensor<16x3x8xf32>
    %56 = "stablehlo.slice"(%55) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 16, 2, 8>, strides = array<i64: 1, 1, 1>} : (tensor<16x3x8xf32>) -> tensor<16x2x8xf32>
    %57 = "stablehlo.slice"(%56) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 16, 2, 4>, strides = array<i64: 1, 1, 1>} : (tensor<16x2x8xf32>) -> tensor<16x2x4xf32>
    %58 = "stablehlo.slice"(%56) {start_indices = array<i64: 0, 0, 4>, limit_indices = array<i64: 16, 2, 8>, strides = array<i64: 1, 1, 1>} : (tensor<16x2x8xf32>) -> tensor<16x2x4xf32>
    %59 = "stablehlo.multiply"(%57, %1) : (tensor<16x2x4xf32>, tensor<16x2x4xf32>) -> tensor<16x2x4xf32>
    %60 = "stablehlo.multiply"(%58, %3) : (tensor<16x2x4xf32>, tensor<16x2x4xf32>) -> tensor<16x2x4xf32>
    %61 = "stablehlo.subtract"(%59, %60) : (tensor<16x2x4xf32>, tensor<16x2x4xf32>) -> tensor<16x2x4xf32>
    %62 = "stablehlo.multiply"(%58, %1) : (tensor<16x2x4xf32>, tensor<16x2x4xf32>) -> tensor<16x2x4xf32>
    %63 = "stablehlo.multiply"(%57, %3) : (tensor<16x2x4xf32>, tensor<16x2x4xf32>) -> tensor<16x2x4xf32>
    %64 = "stablehlo.add"(%62, %63) : (tensor<16x2x4xf32>, tensor<16x2x4xf32>) -> tensor<16x2x4xf32>
    %65 = "stablehlo.concatenate"(%61, %64) {dimension = 2 : i64} : (tensor<16x2x4xf32>, tensor<16x2x4xf32>) -> tensor<16x2x8xf32>
    %66 = "stablehlo.slice"(%65) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 16, 1, 8>, strides = array<i64: 1, 1, 1>} : (tensor<16x2x8xf32>) -> tensor<16x1x8xf32>
    %67 = "stablehlo.slice"(%65) {start_indices = array<i64: 0, 1, 0>, limit_indices = array<i64: 16, 2, 8>, strides = array<i64: 1, 1, 1>} : (tensor<16x2x8xf32>) -> tensor<16x1x8xf32>
    %68 = "stablehlo.slice"(%55) {start_indices = array<i64: 0, 2, 0>, limit_indices = array<i64: 16, 3, 8>, strides = array<i64: 1, 1, 1>} : (tensor<16x3x8xf32>) -> tensor<16x1x8xf32>
    %69 = "stablehlo.constant"() {value = dense<3.535533906e-01> : tensor<f32>} : () -> tensor<f32>
    %70 = "stablehlo.broadcast_in_dim"(%69) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<16x1x8xf32>
    %71 = "stablehlo.multiply"(%66, %70) : (tensor<16x1x8xf32>, tensor<16x1x8xf32>) -> tensor<16x1x8xf32>
    %72 = "stablehlo.reshape"(%71) : (tensor<16x1x8xf32>) -> tensor<1x16x1x1x8xf32>
    %73 = "stablehlo.transpose"(%72) {permutation = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x16x1x1x8xf32>) -> tensor<1x1x16x1x8xf32>
    %74 = "stablehlo.convert"(%67) : (tensor<16x1x8xf32>) -> tensor<16x1x8xbf16>
    %75 = "stablehlo.scatter"(%layer0.keys, %slots, %74) ({
    ^bb0(%a: tensor<bf16>, %b: tensor<bf16>):
      "stablehlo.return"(%b) : (tensor<bf16>) -> ()
    }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], inserted_window_dims = [0, 2], scatter_dims_to_operand_dims = [0, 2], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = true} : (tensor<9x1x64x8xbf16>, tensor<16x2xi32>, tensor<16x1x8xbf16>) -> tensor<9x1x64x8xbf16>
    %76 = "stablehlo.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
    %77 = "stablehlo.dynamic_slice"(%75, %first_block, %76, %76, %76) {slice_sizes = array<i64: 2, 1, 64, 8>} : (tensor<9x1x64x8xbf16>, tensor<i32>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<2x1x64x8xbf16>
    %78 = "stablehlo.reshape"(%77) : (tensor<2x1x64x8xbf16>) -> tensor<1x2x1x64x8xbf16>
    %79 = "stablehlo.convert"(%73) : (tensor<1x1x16x1x8xf32>) -> tensor<1x1x16x1x8xbf16>
    %80 = "stablehlo.dot_general"(%79, %78) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4], rhs_contracting_dimensions = [4]>} : (tensor<1x1x16x1x8xbf16>, tensor<1x2x1x64x8xbf16>) -> tensor<1x1x16x1x2x64xf32>
    %81 = "stablehlo.constant"() {value = dense<-1.000000000e+30> : tensor<f32>} : () -> tensor<f32>
    %82 = "stablehlo.broadcast_in_dim"(%81) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<1x1x16x1x2x64xf32>
    %83 = "stablehlo.select"(%10, %80, %82) : (tensor<1x1x16x1x2x64xi1>, tensor<1x1x16x1x2x64xf32>, tensor<1x1x16x1x2x64xf32>) -> tensor<1x1x16x1x2x64xf32>
    %84 = "stablehlo.constant"() {value = dense<-1.000000000e+30> : tensor<f32>} : () -> tensor<f32>
    %85 = "stablehlo.reduce"(%83, %84) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 4, 5>} : (tensor<1x1x16x1x2x64xf32>, tensor<f32>) -> tensor<1x1x16x1xf32>
    %86 = "stablehlo.broadcast_in_dim"(%85) {broadcast_dimensions = array<i64: 0, 1, 2, 3>} : (tensor<1x1x16x1xf32>) -> tensor<1x1x16x1x2x64xf32>
    %87 = "stablehlo.subtract"(%83, %86) : (tensor<1x1x16x1x2x64xf32>, tensor<1x1x16x1x2x64xf32>) -> tensor<1x1x16x1x2x64xf32>
    %88 = "stablehlo.exponential"(%87) : (tensor<1x1x16x1x2x64xf32>) -> tensor<1x1x16x1x2x64xf32>
    %89 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %90 = "stablehlo.reduce"(%88, %89) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 4, 5>} : (tensor<1x1x16x1x2x64xf32>, tensor<f32>) -> tensor<1x1x16x1xf32>
    %91 = "stablehlo.broadcast_in_dim"(%90) {broadcast_dimensions = array<i64: 0, 1, 2, 3>} : (tensor<1x1x16x1xf32>) -> tensor<1x1x16x1x2x64xf32>
    %92 = "stablehlo.divide"(%88, %91) : (tensor<1x1x16x1x2x64xf32>, tensor<1x1x16x1x2x64xf32>) -> tensor<1x1x16x1x2x64xf32>
    %93 = "stablehlo.convert"(%68) : (tensor<16x1x8xf32>) -> tensor<16x1x8xbf16>
    %94 = "stablehlo.scatter"(%layer0.values, %slots, %93) ({
    ^bb0(%a: tensor<bf16>, %b: tensor<bf16>):
      "stablehlo.return"(%b) : (tensor<bf16>) -> ()
    }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], inserted_window_dims = [0, 2], scatter_dims_to_operand_dims = [0, 2], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = true} : (tensor<9x1x64x8xbf16>, tensor<16x2xi32>, tensor<16x1x8xbf16>) -> tensor<9x1x64x8xbf16>
    %95 = "stablehlo.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
    %96 = "stablehlo.dynamic_slice"(%94, %first_block, %95, %95, %95) {slice_sizes = array<i64: 2, 1, 64, 8>} : (tensor<9x1x64x8xbf16>, tensor<i32>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<2x1x64x8xbf16>
    %97 = "stablehlo.reshape"(%96) : (tensor<2x1x64x8xbf16>) -> tensor<1x2x1x64x8xbf16>
    %98 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<bf16>} : () -> tensor<bf16>
    %99 = "stablehlo.broadcast_in_dim"(%98) {broadcast_dimensions = array<i64>} : (tensor<bf16>) -> tensor<1x2x1x64x8xbf16>
    %100 = "stablehlo.select"(%16, %97, %99) : (tensor<1x2x1x64x8xi1>, tensor<1x2x1x64x8xbf16>, tensor<1x2x1x64x8xbf16>) -> tensor<1x2x1x64x8xbf16>
    %101 = "stablehlo.convert"(%92) : (tensor<1x1x16x1x2x64xf32>) -> tensor<1x1x16x1x2x64xbf16>
    %102 = "stablehlo.dot_general"(%101, %100) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4, 5], rhs_contracting_dimensions = [1, 3]>} : (tensor<1x1x16x1x2x64xbf16>, tensor<1x2x1x64x8xbf16>) -> tensor<1x1x16x1x8xf32>
    %103 = "stablehlo.transpose"(%102) {permutation = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x1x16x1x8xf32>) -> tensor<1x16x1x1x8xf32>
    %104 = "stablehlo.reshape"(%103) : (tensor<1x16x1x1x8xf32>) -> tensor<16x8xf32>
    %105 = "stablehlo.convert"(%104) : (tensor<16x8xf32>) -> tensor<16x8xbf16>
    %106 = "stablehlo.dot_general"(%105, %layer0.output) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<16x8xbf16>, tensor<32x8xbf16>) -> tensor<16x32xf32>
    %107 = "stablehlo.all_reduce"(%106) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {replica_groups = dense<[[0, 1, 2, 3]]> : tensor<1x4xi64>, channel_handle = #stablehlo.channel_handle<handle = 2, type = 1>, use_global_device_ids} : (tensor<16x32xf32>) -> tensor<16x32xf32>
    %108 = "stablehlo.broadcast_in_dim"(%layer0.output_bias) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<16x32xf32>
    %109 = "stablehlo.add"(%107, %108) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %110 = "stablehlo.add"(%36, %109) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %111 = "stablehlo.multiply"(%110, %110) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %112 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %113 = "stablehlo.reduce"(%111, %112) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<16x32xf32>, tensor<f32>) -> tensor<16xf32>
    %114 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %115 = "stablehlo.broadcast_in_dim"(%114) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<16xf32>
    %116 = "stablehlo.multiply"(%113, %115) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    %117 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %118 = "stablehlo.broadcast_in_dim"(%117) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<16xf32>
    %119 = "stablehlo.add"(%116, %118) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    %120 = "stablehlo.rsqrt"(%119) : (tensor<16xf32>) -> tensor<16xf32>
    %121 = "stablehlo.broadcast_in_dim"(%120) {broadcast_dimensions = array<i64: 0>} : (tensor<16xf32>) -> tensor<16x32xf32>
    %122 = "stablehlo.multiply"(%110, %121) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %123 = "stablehlo.broadcast_in_dim"(%layer0.post_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<16x32xf32>
    %124 = "stablehlo.multiply"(%122, %123) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %125 = "stablehlo.convert"(%124) : (tensor<16x32xf32>) -> tensor<16x32xbf16>
    %126 = "stablehlo.dot_general"(%125, %layer0.gate_up) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<16x32xbf16>, tensor<24x32xbf16>) -> tensor<16x24xf32>
    %127 = "stablehlo.broadcast_in_dim"(%layer0.gate_up_bias) {broadcast_dimensions = array<i64: 1>} : (tensor<24xf32>) -> tensor<16x24xf32>
    %128 = "stablehlo.add"(%126, %127) : (tensor<16x24xf32>, tensor<16x24xf32>) -> tensor<16x24xf32>
    %129 = "stablehlo.slice"(%128) {start_indices = array<i64: 0, 0>, limit_indices = array<i64: 16, 12>, strides = array<i64: 1, 1>} : (tensor<16x24xf32>) -> tensor<16x12xf32>
    %130 = "stablehlo.slice"(%128) {start_indices = array<i64: 0, 12>, limit_indices = array<i64: 16, 24>, strides = array<i64: 1, 1>} : (tensor<16x24xf32>) -> tensor<16x12xf32>
    %131 = "stablehlo.logistic"(%129) : (tensor<16x12xf32>) -> tensor<16x12xf32>
    %132 = "stablehlo.multiply"(%129, %131) : (tensor<16x12xf32>, tensor<16x12xf32>) -> tensor<16x12xf32>
    %133 = "stablehlo.multiply"(%132, %130) : (tensor<16x12xf32>, tensor<16x12xf32>) -> tensor<16x12xf32>
    %134 = "stablehlo.convert"(%133) : (tensor<16x12xf32>) -> tensor<16x12xbf16>
    %135 = "stablehlo.dot_general"(%134, %layer0.down) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<16x12xbf16>, tensor<32x12xbf16>) -> tensor<16x32xf32>
    %136 = "stablehlo.all_reduce"(%135) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {replica_groups = dense<[[0, 1, 2, 3]]> : tensor<1x4xi64>, channel_handle = #stablehlo.channel_handle<handle = 3, type = 1>, use_global_device_ids} : (tensor<16x32xf32>) -> tensor<16x32xf32>
    %137 = "stablehlo.broadcast_in_dim"(%layer0.down_bias) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<16x32xf32>
    %138 = "stablehlo.add"(%136, %137) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %139 = "stablehlo.add"(%110, %138) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
    %140 = "stablehlo.gather"(%139, %rows) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 32>, indices_are_sorted = false} : (tensor<16x32xf32>, tensor<1xi32>) -> tensor<1x32xf32>
    %141 = "stablehlo.multiply"(%140, %140) : (tensor<1x32xf32>, tensor<1x32xf32>) -> tensor<1x32xf32>
    %142 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %143 = "stablehlo.reduce"(%141, %142) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<1x32xf32>, tensor<f32>) -> tensor<1xf32>
    %144 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %145 = "stablehlo.broadcast_in_dim"(%144) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<1xf32>
    %146 = "stablehlo.multiply"(%143, %145) : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
    %147 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %148 = "stablehlo.broadcast_in_dim"(%147) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<1xf32>
    %149 = "stablehlo.add"(%146, %148) : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
    %150 = "stablehlo.rsqrt"(%149) : (tensor<1xf32>) -> tensor<1xf32>
    %151 = "stablehlo.broadcast_in_dim"(%150) {broadcast_dimensions = array<i64: 0>} : (tensor<1xf32>) -> tensor<1x32xf32>
    %152 = "stablehlo.multiply"(%140, %151) : (tensor<1x32xf32>, tensor<1x32xf32>) -> tensor<1x32xf32>
    %153 = "stablehlo.broadcast_in_dim"(%final_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<1x32xf32>
    %154 = "stablehlo.multiply"(%152, %153) : (tensor<1x32xf32>, tensor<1x32xf32>) -> tensor<1x32xf32>
    %155 = "stablehlo.convert"(%154) : (tensor<1x32xf32>) -> tensor<1x32xbf16>
    %156 = "stablehlo.dot_general"(%155, %head) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<1x32xbf16>, tensor<13x32xbf16>) -> tensor<1x13xf32>
    %157 = "stablehlo.all_gather"(%156) {all_gather_dim = 1 : i64, replica_groups = dense<[[0, 1, 2, 3]]> : tensor<1x4xi64>, channel_handle = #stablehlo.channel_handle<handle = 4, type = 1>, use_global_device_ids} : (tensor<1x13xf32>) -> tensor<1x52xf32>
    %158 = "stablehlo.slice"(%157) {start_indices = array<i64: 0, 0>, limit_indices = array<i64: 1, 50>, strides = array<i64: 1, 1>} : (tensor<1x52xf32>) -> tensor<1x50xf32>
    %159 = "stablehlo.constant"() {value = dense<-3.402823466e+38> : tensor<f32>} : () -> tensor<f32>
    %160 = "stablehlo.reduce"(%158, %159) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<1x50xf32>, tensor<f32>) -> tensor<1xf32>
    %161 = "stablehlo.broadcast_in_dim"(%160) {broadcast_dimensions = array<i64: 0>} : (tensor<1xf32>) -> tensor<1x50xf32>
    %162 = "stablehlo.compare"(%158, %161) {comparison_direction = #stablehlo<comparison_direction GE>} : (tensor<1x50xf32>, tensor<1x50xf32>) -> tensor<1x50xi1>
    %163 = "stablehlo.iota"() {iota_dimension = 1 : i64} : () -> tensor<1x50xi32>
    %164 = "stablehlo.constant"() {value = dense<50> : tensor<i32>} : () -> tensor<i32>
    %165 = "stablehlo.broadcast_in_dim"(%164) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<1x50xi32>
    %166 = "stablehlo.select"(%162, %163, %165) : (tensor<1x50xi1>, tensor<1x50xi32>, tensor<1x50xi32>) -> tensor<1x50xi32>
    %167 = "stablehlo.constant"() {value = dense<50> : tensor<i32>} : () -> tensor<i32>
    %168 = "stablehlo.reduce"(%166, %167) ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>):
      %c = "stablehlo.minimum"(%a, %b) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%c) : (tensor<i32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<1x50xi32>, tensor<i32>) -> tensor<1xi32>
    "sdy.return"(%168, %158, %75, %94) : (tensor<1xi32>, tensor<1x50xf32>, tensor<9x1x64x8xbf16>, tensor<9x1x64x8xbf16>) -> ()
    }) {in_shardings = #sdy.sharding_per_value<[<@mesh, [{}]>, <@mesh, [{}]>, <@mesh, [{}, {}]>, <@mesh, []>, <@mesh, [{}]>, <@mesh, [{"tp"}]>, <@mesh, [{}, {}]>, <@mesh, [{}, {}]>, <@mesh, [{"tp"}, {}]>, <@mesh, [{}]>, <@mesh, [{"tp"}, {}]>, <@mesh, [{"tp"}]>, <@mesh, [{}, {"tp"}, {}, {}]>, <@mesh, [{}, {"tp"}, {}, {}]>, <@mesh, [{}, {"tp"}]>, <@mesh, [{}]>, <@mesh, [{}]>, <@mesh, [{"tp"}, {}]>, <@mesh, [{"tp"}]>, <@mesh, [{}, {"tp"}]>, <@mesh, [{}]>, <@mesh, [{}]>, <@mesh, [{"tp"}, {}]>]>, manual_axes = #sdy<manual_axes{"tp"}>, out_shardings = #sdy.sharding_per_value<[<@mesh, [{}]>, <@mesh, [{}, {}]>, <@mesh, [{}, {"tp"}, {}, {}]>, <@mesh, [{}, {"tp"}, {}, {}]>]>} : (tensor<16xi32>, tensor<16xi32>, tensor<16x2xi32>, tensor<i32>, tensor<1xi32>, tensor<4xi32>, tensor<128x4xf32>, tensor<128x4xf32>, tensor<52x32xbf16>, tensor<32xf32>, tensor<96x32xbf16>, tensor<96xf32>, tensor<9x4x64x8xbf16>, tensor<9x4x64x8xbf16>, tensor<32x32xbf16>, tensor<32xf32>, tensor<32xf32>, tensor<96x32xbf16>, tensor<96xf32>, tensor<32x48xbf16>, tensor<32xf32>, tensor<32xf32>, tensor<52x32xbf16>) -> (tensor<1xi32>, tensor<1x50xf32>, tensor<9x4x64x8xbf16>, tensor<9x4x64x8xbf16>)
    return %whole#0, %whole#1, %whole#2, %whole#3 : tensor<1xi32>, tensor<1x50xf32>, tensor<9x4x64x8xbf16>, tensor<9x4x64x8xbf16>
  }
}
