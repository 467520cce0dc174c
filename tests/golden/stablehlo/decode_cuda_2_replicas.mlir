module @puna attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 2 : i32} {
  func.func public @main(%tokens: tensor<4xi32>, %positions: tensor<4xi32>, %slots: tensor<4x2xi32>, %tables: tensor<4x2xi32>, %rank: tensor<1xi32>, %cosines: tensor<128x4xf32>, %sines: tensor<128x4xf32>, %embedding: tensor<25x32xf32>, %layer0.input_norm: tensor<32xf32>, %layer0.qkv: tensor<32x32xf32>, %layer0.keys: tensor<9x1x64x8xf32> {tf.aliasing_output = 2 : i32}, %layer0.values: tensor<9x1x64x8xf32> {tf.aliasing_output = 3 : i32}, %layer0.output: tensor<32x16xf32>, %layer0.post_norm: tensor<32xf32>, %layer0.gate_up: tensor<48x32xf32>, %layer0.down: tensor<32x24xf32>, %final_norm: tensor<32xf32>) -> (tensor<4xi32>, tensor<4x50xf32>, tensor<9x1x64x8xf32>, tensor<9x1x64x8xf32>) {
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
    %30 = "stablehlo.gather"(%embedding, %29) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 32>, indices_are_sorted = false} : (tensor<25x32xf32>, tensor<4xi32>) -> tensor<4x32xf32>
    %31 = "stablehlo.broadcast_in_dim"(%28) {broadcast_dimensions = array<i64: 0>} : (tensor<4xi1>) -> tensor<4x32xi1>
    %32 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %33 = "stablehlo.broadcast_in_dim"(%32) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4x32xf32>
    %34 = "stablehlo.select"(%31, %30, %33) : (tensor<4x32xi1>, tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %35 = "stablehlo.all_reduce"(%34) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>} : (tensor<4x32xf32>) -> tensor<4x32xf32>
    %36 = "stablehlo.multiply"(%35, %35) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %37 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %38 = "stablehlo.reduce"(%36, %37) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x32xf32>, tensor<f32>) -> tensor<4xf32>
    %39 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %40 = "stablehlo.broadcast_in_dim"(%39) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %41 = "stablehlo.multiply"(%38, %40) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %42 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %43 = "stablehlo.broadcast_in_dim"(%42) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %44 = "stablehlo.add"(%41, %43) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %45 = "stablehlo.rsqrt"(%44) : (tensor<4xf32>) -> tensor<4xf32>
    %46 = "stablehlo.broadcast_in_dim"(%45) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x32xf32>
    %47 = "stablehlo.multiply"(%35, %46) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %48 = "stablehlo.broadcast_in_dim"(%layer0.input_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<4x32xf32>
    %49 = "stablehlo.multiply"(%47, %48) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %50 = "stablehlo.dot_general"(%49, %layer0.qkv) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x32xf32>, tensor<32x32xf32>) -> tensor<4x32xf32>
    %51 = "stablehlo.reshape"(%50) : (tensor<4x32xf32>) -> tensor<4x4x8xf32>
    %52 = "stablehlo.slice"(%51) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 4, 3, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x4x8xf32>) -> tensor<4x3x8xf32>
    %53 = "stablehlo.slice"(%52) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 4, 3, 4>, strides = array<i64: 1, 1, 1>} : (tensor<4x3x8xf32>) -> tensor<4x3x4xf32>
    %54 = "stablehlo.slice"(%52) {start_indices = array<i64: 0, 0, 4>, limit_indices = array<i64: 4, 3, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x3x8xf32>) -> tensor<4x3x4xf32>
    %55 = "stablehlo.multiply"(%53, %1) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %56 = "stablehlo.multiply"(%54, %3) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %57 = "stablehlo.subtract"(%55, %56) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %58 = "stablehlo.multiply"(%54, %1) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %59 = "stablehlo.multiply"(%53, %3) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %60 = "stablehlo.add"(%58, %59) : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x4xf32>
    %61 = "stablehlo.concatenate"(%57, %60) {dimension = 2 : i64} : (tensor<4x3x4xf32>, tensor<4x3x4xf32>) -> tensor<4x3x8xf32>
    %62 = "stablehlo.slice"(%61) {start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 4, 2, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x3x8xf32>) -> tensor<4x2x8xf32>
    %63 = "stablehlo.slice"(%61) {start_indices = array<i64: 0, 2, 0>, limit_indices = array<i64: 4, 3, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x3x8xf32>) -> tensor<4x1x8xf32>
    %64 = "stablehlo.slice"(%51) {start_indices = array<i64: 0, 3, 0>, limit_indices = array<i64: 4, 4, 8>, strides = array<i64: 1, 1, 1>} : (tensor<4x4x8xf32>) -> tensor<4x1x8xf32>
    %65 = "stablehlo.constant"() {value = dense<3.535533906e-01> : tensor<f32>} : () -> tensor<f32>
    %66 = "stablehlo.broadcast_in_dim"(%65) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4x2x8xf32>
    %67 = "stablehlo.multiply"(%62, %66) : (tensor<4x2x8xf32>, tensor<4x2x8xf32>) -> tensor<4x2x8xf32>
    %68 = "stablehlo.reshape"(%67) : (tensor<4x2x8xf32>) -> tensor<4x1x1x2x8xf32>
    %69 = "stablehlo.scatter"(%layer0.keys, %slots, %63) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      "stablehlo.return"(%b) : (tensor<f32>) -> ()
    }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], inserted_window_dims = [0, 2], scatter_dims_to_operand_dims = [0, 2], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = true} : (tensor<9x1x64x8xf32>, tensor<4x2xi32>, tensor<4x1x8xf32>) -> tensor<9x1x64x8xf32>
    %70 = "stablehlo.gather"(%69, %tables) {dimension_numbers = #stablehlo.gather<offset_dims = [2, 3, 4], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 1, 64, 8>, indices_are_sorted = false} : (tensor<9x1x64x8xf32>, tensor<4x2xi32>) -> tensor<4x2x1x64x8xf32>
    %71 = "stablehlo.dot_general"(%68, %70) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4], rhs_contracting_dimensions = [4]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x1x1x2x8xf32>, tensor<4x2x1x64x8xf32>) -> tensor<4x1x1x2x2x64xf32>
    %72 = "stablehlo.constant"() {value = dense<-1.000000000e+30> : tensor<f32>} : () -> tensor<f32>
    %73 = "stablehlo.broadcast_in_dim"(%72) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4x1x1x2x2x64xf32>
    %74 = "stablehlo.select"(%10, %71, %73) : (tensor<4x1x1x2x2x64xi1>, tensor<4x1x1x2x2x64xf32>, tensor<4x1x1x2x2x64xf32>) -> tensor<4x1x1x2x2x64xf32>
    %75 = "stablehlo.constant"() {value = dense<-1.000000000e+30> : tensor<f32>} : () -> tensor<f32>
    %76 = "stablehlo.reduce"(%74, %75) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 4, 5>} : (tensor<4x1x1x2x2x64xf32>, tensor<f32>) -> tensor<4x1x1x2xf32>
    %77 = "stablehlo.broadcast_in_dim"(%76) {broadcast_dimensions = array<i64: 0, 1, 2, 3>} : (tensor<4x1x1x2xf32>) -> tensor<4x1x1x2x2x64xf32>
    %78 = "stablehlo.subtract"(%74, %77) : (tensor<4x1x1x2x2x64xf32>, tensor<4x1x1x2x2x64xf32>) -> tensor<4x1x1x2x2x64xf32>
    %79 = "stablehlo.exponential"(%78) : (tensor<4x1x1x2x2x64xf32>) -> tensor<4x1x1x2x2x64xf32>
    %80 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %81 = "stablehlo.reduce"(%79, %80) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 4, 5>} : (tensor<4x1x1x2x2x64xf32>, tensor<f32>) -> tensor<4x1x1x2xf32>
    %82 = "stablehlo.broadcast_in_dim"(%81) {broadcast_dimensions = array<i64: 0, 1, 2, 3>} : (tensor<4x1x1x2xf32>) -> tensor<4x1x1x2x2x64xf32>
    %83 = "stablehlo.divide"(%79, %82) : (tensor<4x1x1x2x2x64xf32>, tensor<4x1x1x2x2x64xf32>) -> tensor<4x1x1x2x2x64xf32>
    %84 = "stablehlo.scatter"(%layer0.values, %slots, %64) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      "stablehlo.return"(%b) : (tensor<f32>) -> ()
    }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], inserted_window_dims = [0, 2], scatter_dims_to_operand_dims = [0, 2], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = true} : (tensor<9x1x64x8xf32>, tensor<4x2xi32>, tensor<4x1x8xf32>) -> tensor<9x1x64x8xf32>
    %85 = "stablehlo.gather"(%84, %tables) {dimension_numbers = #stablehlo.gather<offset_dims = [2, 3, 4], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 1, 64, 8>, indices_are_sorted = false} : (tensor<9x1x64x8xf32>, tensor<4x2xi32>) -> tensor<4x2x1x64x8xf32>
    %86 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %87 = "stablehlo.broadcast_in_dim"(%86) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4x2x1x64x8xf32>
    %88 = "stablehlo.select"(%16, %85, %87) : (tensor<4x2x1x64x8xi1>, tensor<4x2x1x64x8xf32>, tensor<4x2x1x64x8xf32>) -> tensor<4x2x1x64x8xf32>
    %89 = "stablehlo.dot_general"(%83, %88) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4, 5], rhs_contracting_dimensions = [1, 3]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x1x1x2x2x64xf32>, tensor<4x2x1x64x8xf32>) -> tensor<4x1x1x2x8xf32>
    %90 = "stablehlo.reshape"(%89) : (tensor<4x1x1x2x8xf32>) -> tensor<4x16xf32>
    %91 = "stablehlo.dot_general"(%90, %layer0.output) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x16xf32>, tensor<32x16xf32>) -> tensor<4x32xf32>
    %92 = "stablehlo.all_reduce"(%91) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>} : (tensor<4x32xf32>) -> tensor<4x32xf32>
    %93 = "stablehlo.add"(%35, %92) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %94 = "stablehlo.multiply"(%93, %93) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %95 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %96 = "stablehlo.reduce"(%94, %95) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x32xf32>, tensor<f32>) -> tensor<4xf32>
    %97 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %98 = "stablehlo.broadcast_in_dim"(%97) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %99 = "stablehlo.multiply"(%96, %98) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %100 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %101 = "stablehlo.broadcast_in_dim"(%100) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %102 = "stablehlo.add"(%99, %101) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %103 = "stablehlo.rsqrt"(%102) : (tensor<4xf32>) -> tensor<4xf32>
    %104 = "stablehlo.broadcast_in_dim"(%103) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x32xf32>
    %105 = "stablehlo.multiply"(%93, %104) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %106 = "stablehlo.broadcast_in_dim"(%layer0.post_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<4x32xf32>
    %107 = "stablehlo.multiply"(%105, %106) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %108 = "stablehlo.dot_general"(%107, %layer0.gate_up) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x32xf32>, tensor<48x32xf32>) -> tensor<4x48xf32>
    %109 = "stablehlo.slice"(%108) {start_indices = array<i64: 0, 0>, limit_indices = array<i64: 4, 24>, strides = array<i64: 1, 1>} : (tensor<4x48xf32>) -> tensor<4x24xf32>
    %110 = "stablehlo.slice"(%108) {start_indices = array<i64: 0, 24>, limit_indices = array<i64: 4, 48>, strides = array<i64: 1, 1>} : (tensor<4x48xf32>) -> tensor<4x24xf32>
    %111 = "stablehlo.logistic"(%109) : (tensor<4x24xf32>) -> tensor<4x24xf32>
    %112 = "stablehlo.multiply"(%109, %111) : (tensor<4x24xf32>, tensor<4x24xf32>) -> tensor<4x24xf32>
    %113 = "stablehlo.multiply"(%112, %110) : (tensor<4x24xf32>, tensor<4x24xf32>) -> tensor<4x24xf32>
    %114 = "stablehlo.dot_general"(%113, %layer0.down) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x24xf32>, tensor<32x24xf32>) -> tensor<4x32xf32>
    %115 = "stablehlo.all_reduce"(%114) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>} : (tensor<4x32xf32>) -> tensor<4x32xf32>
    %116 = "stablehlo.add"(%93, %115) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %117 = "stablehlo.multiply"(%116, %116) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %118 = "stablehlo.constant"() {value = dense<0.000000000e+00> : tensor<f32>} : () -> tensor<f32>
    %119 = "stablehlo.reduce"(%117, %118) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x32xf32>, tensor<f32>) -> tensor<4xf32>
    %120 = "stablehlo.constant"() {value = dense<3.125000000e-02> : tensor<f32>} : () -> tensor<f32>
    %121 = "stablehlo.broadcast_in_dim"(%120) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %122 = "stablehlo.multiply"(%119, %121) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %123 = "stablehlo.constant"() {value = dense<9.999999747e-06> : tensor<f32>} : () -> tensor<f32>
    %124 = "stablehlo.broadcast_in_dim"(%123) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<4xf32>
    %125 = "stablehlo.add"(%122, %124) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %126 = "stablehlo.rsqrt"(%125) : (tensor<4xf32>) -> tensor<4xf32>
    %127 = "stablehlo.broadcast_in_dim"(%126) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x32xf32>
    %128 = "stablehlo.multiply"(%116, %127) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %129 = "stablehlo.broadcast_in_dim"(%final_norm) {broadcast_dimensions = array<i64: 1>} : (tensor<32xf32>) -> tensor<4x32xf32>
    %130 = "stablehlo.multiply"(%128, %129) : (tensor<4x32xf32>, tensor<4x32xf32>) -> tensor<4x32xf32>
    %131 = "stablehlo.dot_general"(%130, %embedding) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x32xf32>, tensor<25x32xf32>) -> tensor<4x25xf32>
    %132 = "stablehlo.all_gather"(%131) {all_gather_dim = 1 : i64, replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>} : (tensor<4x25xf32>) -> tensor<4x50xf32>
    %133 = "stablehlo.constant"() {value = dense<-3.402823466e+38> : tensor<f32>} : () -> tensor<f32>
    %134 = "stablehlo.reduce"(%132, %133) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x50xf32>, tensor<f32>) -> tensor<4xf32>
    %135 = "stablehlo.broadcast_in_dim"(%134) {broadcast_dimensions = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x50xf32>
    %136 = "stablehlo.compare"(%132, %135) {comparison_direction = #stablehlo<comparison_direction GE>} : (tensor<4x50xf32>, tensor<4x50xf32>) -> tensor<4x50xi1>
    %137 = "stablehlo.iota"() {iota_dimension = 1 : i64} : () -> tensor<4x50xi32>
    %138 = "stablehlo.constant"() {value = dense<50> : tensor<i32>} : () -> tensor<i32>
    %139 = "stablehlo.broadcast_in_dim"(%138) {broadcast_dimensions = array<i64>} : (tensor<i32>) -> tensor<4x50xi32>
    %140 = "stablehlo.select"(%136, %137, %139) : (tensor<4x50xi1>, tensor<4x50xi32>, tensor<4x50xi32>) -> tensor<4x50xi32>
    %141 = "stablehlo.constant"() {value = dense<50> : tensor<i32>} : () -> tensor<i32>
    %142 = "stablehlo.reduce"(%140, %141) ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>):
      %c = "stablehlo.minimum"(%a, %b) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%c) : (tensor<i32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<4x50xi32>, tensor<i32>) -> tensor<4xi32>
    return %142, %132, %69, %84 : tensor<4xi32>, tensor<4x50xf32>, tensor<9x1x64x8xf32>, tensor<9x1x64x8xf32>
  }
}
