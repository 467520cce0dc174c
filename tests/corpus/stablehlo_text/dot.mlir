module { func.func public @main(%a: tensor<2x3xbf16>, %b: tensor<2x3x2xbf16>) -> (tensor<2x2xf32>) {
  %r = "stablehlo.dot_general"(%a, %b) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0], rhs_batching_dimensions = [0], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>} : (tensor<2x3xbf16>, tensor<2x3x2xbf16>) -> tensor<2x2xf32>
  return %r : tensor<2x2xf32> } }
