module @m { func.func public @main(%a: tensor<2xf32>) -> (tensor<2xf32>) {
  // A comment, a dense list, and a constant that does not fit.
  %c = "stablehlo.constant"() {value = dense<[1.0, -2.5e-01, 3.0]> : tensor<3xf32>} : () -> tensor<2xf32>
  return %c : tensor<2xf32> } }
