"""What the test layers are made of: every step of tools/run_tests.py, its command and how it shares the cores."""

import dataclasses
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / one) for one in ("tools", "tests/kubernetes/lab")]

import changed_tests  # noqa: E402
import lab_tools  # noqa: E402

HTTP_TESTS = "build/venv/http_tests/bin/python -m pytest -q -p no:cacheprovider -rs tests/http"
CLUSTER_PYTHON = "build/venv/cluster/bin/python"
TERRAFORM_TESTS = "build/venv/terraform/bin/python -m pytest -q -p no:cacheprovider -rs tests/terraform"
TERRAFORM_LAB = "build/venv/terraform_lab/bin/python -m pytest -q -p no:cacheprovider -rs tests/terraform/lab"
NODE_TESTS = "node --test tests/http/node/"
# What has threads of its own, for the sanitizer that looks for races (and is slow).
THREADED_TARGETS = ["puna", "base_test", "packed_test", "backend_test", "backend_contract_test", "engine_test",
                    "generate_test", "http_test", "load_test", "api_test"]
# What a second compiler may get wrong: bits, coroutines, invariants that only its debug checks see. What takes it
# longest, the API, is built with everything else by `make test-gcc`.
GCC_TARGETS = ["base_test", "packed_test", "backend_test", "backend_contract_test", "engine_test", "generate_test",
               "http_test", "quantise_test", "stablehlo_interpreter_test", "cpu_engine_test"]
# What programs for devices are made by, and run on.
ACCELERATOR_TARGETS = ["pjrt_ref", "stablehlo_test", "emitted_llama_test", "pjrt_client_test", "pjrt_backend_test", "backend_test"]
# The sanitizers' own exit codes fail the test; leaks of the process's end state count too.
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}




@dataclasses.dataclass
class Step:
    layer: str
    name: str
    command: str
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    uses_one_core: bool = False  # runs beside others like it
    fills: bool = False  # waits for nobody: takes the cores when the steps after it leave them idle
    prepares: bool = False  # packages and builds: once is enough when tests are repeated
    takes_minutes: bool = False  # not for --changed


def build(layer: str, preset: str, targets: str = "", fills: bool = False) -> list[Step]:
    target = f" --target {targets}" if targets else ""
    return [Step(layer, f"configure {preset}", f"cmake --preset {preset}", prepares=True, fills=fills),
            Step(layer, f"build {preset}", f"cmake --build --preset {preset}{target}", prepares=True, fills=fills)]


def isa_steps() -> list[Step]:
    """The kernel paths that this processor would not choose by itself, those that it can run."""
    flags = set(re.search(r"^flags.*$|\Z", pathlib.Path("/proc/cpuinfo").read_text(), re.M)[0].split())
    wanted = {"portable": set(), "avx2": {"avx2", "fma", "f16c"}, "avxvnni": {"avx_vnni"},
              "avx512vnni": {"avx512vl", "avx512_vnni"}}
    return [Step("isa", "portable kernels on aarch64, emulated",
                 "tools/aarch64_kernels.sh --gtest_brief=1", uses_one_core=True),
            *(Step("isa", f"cpu backend on the {isa} path", "build/release/bin/backend_test --gtest_filter=-*pjrt*",
                   {"PUNA_ISA": isa}, uses_one_core=True)
              for isa, needed in wanted.items() if needed <= flags)]


def fuzz_targets() -> list[str]:
    """Every parser that has one: FUZZ of a puna_module()."""
    programs = changed_tests.read_programs(ROOT).values()
    return sorted(name.removesuffix("_fuzz") for some in programs for name in some if name.endswith("_fuzz"))


def fuzz_steps(seconds: int) -> list[Step]:
    # Two at a time, by the runner: each uses one core.
    return [Step("fuzz", f"{target} for {seconds} s",
                 f"build/fuzz/bin/{target}_fuzz -max_total_time={seconds} -timeout=5 -rss_limit_mb=1024 "
                 f"-print_final_stats=1 -artifact_prefix=build/test-logs/ build/fuzz-corpus/{target} "
                 f"tests/corpus/{target}", uses_one_core=True)
            for target in fuzz_targets()]


def pytest(arguments: str) -> str:
    return f"{CLUSTER_PYTHON} -m pytest -q -p no:cacheprovider -rs {arguments}"


def cluster_steps() -> list[Step]:
    """The Python package with a short run on real Ray processes, Kubernetes objects, images, tutorial."""
    without_ray = " ".join(f"tests/cluster/test_{subject}.py" for subject in
                           ("settings", "chat_client", "proxy_middleware", "child_server"))
    with_ray = ("tests/cluster/test_pass_through.py "
                "tests/cluster/test_replicas.py::test_killed_replicas_cost_no_request_that_had_not_started")
    return [
        Step("cluster", "Python packages", "tools/venv.sh cluster", prepares=True),
        Step("cluster", "types", f"cd python && ../{CLUSTER_PYTHON} -m mypy --cache-dir ../build/mypy puna"),
        Step("cluster", "package, without Ray processes", pytest(without_ray)),
        Step("cluster", "Ray Serve on real processes, in short", pytest(with_ray), takes_minutes=True),
        Step("kubernetes", "nginx", "tools/fetch_nginx.sh", prepares=True),
        Step("kubernetes", "manifests without a cluster, Ingress in nginx", pytest("tests/kubernetes")),
        Step("images", "Dockerfile and compose file without a build", pytest("tests/images")),
        Step("terraform", "Python packages", "tools/venv.sh terraform", prepares=True),
        Step("terraform", "rules; install and cleanup in a made-up world", TERRAFORM_TESTS),
        Step("tutorial", "every command has a test",
             "cd tests/tutorial && /usr/bin/python3 -m unittest test_page"),
    ]


def accelerator_steps() -> list[Step]:
    """The reference plugin and XLA's for CPUs. Speed is nobody's goal there: what takes minutes is XLA's compiler."""
    packages = f"build/venv/accelerators/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    xla = {"PUNA_PJRT_PLUGIN": str(ROOT / packages / "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so"), "TF_CPP_MIN_LOG_LEVEL": "1"}
    programs = "build/release/bin/"
    return [
        Step("web", "build", "tools/build_web.sh", prepares=True),
        *build("accelerators", "release", " ".join(["puna", *ACCELERATOR_TARGETS])),
        Step("accelerators", "Python packages", "for one in accelerators http_tests; do tools/venv.sh $one; done",
             prepares=True),
        Step("accelerators", "everything on the reference plugin",
             " && ".join(f"{programs}{one} --gtest_brief=1 --gtest_filter='{'*pjrt*' if one == 'backend_test' else '*'}'"
                         for one in ACCELERATOR_TARGETS if one.endswith("_test"))),
        Step("accelerators", "emitted programs on XLA's plugin",
             f"{programs}pjrt_client_test --gtest_filter='*PluginOfTheEnvironment'", xla),
        Step("accelerators", "goldens and degrees on XLA's plugin",
             f"{programs}pjrt_backend_test --gtest_filter='*DeviceLlama*xla*:TensorParallel.*'", xla),
        Step("accelerators", "the backends' contract on XLA's plugin",
             f"{programs}backend_test --gtest_filter='*BackendContract*/pjrt_f32:*BackendContract*/pjrt_f32_odd_head'", xla),
        Step("accelerators", "answers over HTTP on XLA's plugin", f"{HTTP_TESTS}/test_accelerator.py", xla),
        Step("accelerators", "eight devices, the check for GPUs on XLA's plugin",
             "/usr/bin/python3 -m unittest discover -s tests/accelerators", xla),
        Step("accelerators", "scripts for Neuron and GPU machines on the reference plugin",
             "/usr/bin/python3 -m unittest discover -s tests/bench -p 'test_device_scripts.py'"),
    ]


def tests_of(layer: str, preset: str, targets: list[str], environment: dict[str, str]) -> Step:
    return Step(layer, "unit tests", f"ctest --preset {preset} --verbose --tests-regex '^({'|'.join(targets)})$'",
                environment)


def long_steps(fuzz_seconds: int) -> dict[str, list[Step]]:
    """What takes more minutes than `make test` has, by target: make test-NAME, make fuzz."""
    web = Step("web", "build", "tools/build_web.sh", prepares=True)
    lab = {"PUNA_KUSTOMIZE": str(lab_tools.BIN / "kustomize"),
           "PUNA_CRDS": ":".join(str(lab_tools.CRDS / name) for name in lab_tools.CRD_SOURCES)}
    return {
        "accelerators": accelerator_steps(),
        "fuzz": [web, *build("fuzz", "fuzz"), *fuzz_steps(fuzz_seconds)],
        "gcc": [web, *build("gcc", "dev"), Step("gcc", "unit tests", "ctest --preset dev --verbose -L unit")],
        "cluster": [
            *cluster_steps()[:3],
            Step("cluster", "Node packages",
                 "npm --prefix tests/browser ci --no-audit --no-fund --loglevel=error"),
            Step("cluster", "Ray Serve on real processes", pytest("--durations=10 tests/cluster --long")),
            Step("cluster", "Gradio page in Chromium",
                 "node --test --test-reporter=spec tests/browser/cluster/gradio_page.mjs"),
            Step("tutorial", "on a laptop", "tests/tutorial/tutorial.py laptop"),
            Step("tutorial", "on Ray", "tests/tutorial/tutorial.py ray"),
        ],
        "kubernetes": [
            Step("kubernetes", "Python packages", "tools/venv.sh cluster && tools/venv.sh kubernetes_lab"),
            Step("kubernetes", "nginx", "tools/fetch_nginx.sh"),
            Step("kubernetes", "programs of the lab, built once",
                 "build/venv/kubernetes_lab/bin/python tests/kubernetes/lab/lab_tools.py"),
            Step("kubernetes", "manifests against kustomize and the CRDs; long answers",
                 pytest("tests/kubernetes --long"), lab, uses_one_core=True),
            Step("kubernetes", "verdicts of a real control plane", pytest("tests/kubernetes/lab"),
                 uses_one_core=True),
        ],
        "terraform": [
            Step("terraform", "Python packages",
                 "for one in cluster terraform_lab kubernetes_lab; do tools/venv.sh $one; done"),
            Step("terraform", "OpenTofu and the programs of the Kubernetes lab, built once",
                 "build/venv/kubernetes_lab/bin/python tests/kubernetes/lab/lab_tools.py tofu"),
            Step("terraform", "schema of the real provider",
                 "build/venv/terraform_lab/bin/python tests/terraform/lab/provider_schema.py"),
            Step("terraform", "the real CLI, install.sh and cleanup.sh against doubles of provider and AWS",
                 f"{TERRAFORM_LAB} --ignore tests/terraform/lab/test_whole.py", uses_one_core=True),
            Step("terraform", "install.sh and cleanup.sh whole, with a real control plane behind EKS",
                 f"{TERRAFORM_LAB}/test_whole.py", uses_one_core=True),
        ],
        "images": [
            Step("images", "Python packages", "tools/venv.sh images"),
            # One step: containers of images that could not be built again would prove nothing.
            Step("images", "build, contents, running containers",
                 "tests/images/build.sh && tests/images/in_namespace.sh build/venv/images/bin/python "
                 "-m pytest -q -p no:cacheprovider --durations=5 tests/images"),
        ],
    }


def all_steps(fuzz_seconds: int) -> list[Step]:
    sanitized = SANITIZER_ENVIRONMENT
    http_fuzz = {**sanitized, "PUNA_BINARY": "build/fuzz/bin/puna", "PUNA_SLOW": "1"}
    http_tsan = {**sanitized, "PUNA_BINARY": "build/tsan/bin/puna", "PUNA_SLOW": "1"}
    return [
        Step("lint", "project rules", "tools/tidy.py"),
        Step("lint", "clang-format", "git ls-files -coz --exclude-standard '*.cc' '*.h' | "
             "xargs -0 clang-format-19 --dry-run --Werror"),
        Step("lint", "the tools of the tests", "/usr/bin/python3 -m unittest discover -s tests/tools"),
        Step("web", "build", "tools/build_web.sh", prepares=True),
        Step("web", "unit tests", "npm --prefix web test --silent"),
        Step("unit", "fetch models", "tools/fetch_models.sh", prepares=True),
        *build("unit", "release"),
        # Compilers and clang-tidy work while the tests of clients, pages and clusters wait for something.
        *build("gcc", "dev", " ".join(GCC_TARGETS), fills=True),
        *build("asan", "fuzz", fills=True),
        *build("tsan", "tsan", " ".join(THREADED_TARGETS), fills=True),
        Step("tidy", "clang-tidy", "tools/clang_tidy.py", prepares=True, fills=True),
        Step("unit", "unit, contract and golden tests", "ctest --preset release --verbose"),
        Step("http", "Python packages", "tools/venv.sh http_tests", prepares=True),
        Step("http", "Node packages", "npm --prefix tests/http/node ci --no-audit --no-fund --loglevel=error",
             prepares=True),
        # Alone but for what fills: some of them judge how a busy server answers.
        Step("http", "Python clients", HTTP_TESTS),
        *isa_steps(),
        Step("terminal", "puna chat, load, inspect, bench, completion",
             "/usr/bin/python3 -m unittest discover -s tests/terminal", uses_one_core=True),
        Step("install", "make install, make package", "/usr/bin/python3 -m unittest discover -s tests/install",
             uses_one_core=True),
        Step("demo", "adapter and generator", "/usr/bin/python3 -m unittest discover -s tests/demo",
             uses_one_core=True),
        Step("hub", "puna pull from a misbehaving hub", "/usr/bin/python3 -m unittest discover -s tests/hub",
             uses_one_core=True),
        Step("http", "Node client", NODE_TESTS, uses_one_core=True),
        Step("browser", "packages", "npm --prefix tests/browser ci --no-audit --no-fund --loglevel=error",
             prepares=True),
        Step("browser", "OpenAI's client", "npm --prefix tests/http/node ci --no-audit --no-fund --loglevel=error",
             prepares=True),
        Step("browser", "chat page in Chromium", "npm --prefix tests/browser test --silent"),
        *cluster_steps(),
        Step("bench", "comparison with peers: adapters and tools",
             "/usr/bin/python3 -m unittest discover -s tests/bench"),
        Step("bench", "one round of the comparison, Puna alone",
             "bench/peers/compare.py measure --shape smollm2-135m --layers 1 --puna-weights int4,int8 "
             "--rounds 1 --tests prefill,batch --results build/test-logs/compare.jsonl"),
        tests_of("gcc", "dev", GCC_TARGETS, {}),
        Step("asan", "unit tests", "ctest --preset fuzz --verbose -L unit", sanitized),
        # Programs of devices are interpreted here, by one thread; the HTTP tests have a server on them.
        tests_of("tsan", "tsan", THREADED_TARGETS, {**sanitized, "GTEST_FILTER": "-*pjrt*"}),
        Step("asan", "Python clients", HTTP_TESTS, http_fuzz, uses_one_core=True),
        Step("tsan", "Python clients", HTTP_TESTS, http_tsan, uses_one_core=True),
        *fuzz_steps(fuzz_seconds),
    ]


def changed_steps(selection: changed_tests.Selection) -> list[Step]:
    """Lint, the programs and layers of the selection, and clang-tidy, on the release build."""
    steps = [step for step in all_steps(0) if step.layer == "lint"]
    layers = selection.layers
    targets = [*selection.programs, *(["puna"] if selection.builds_binary else [])]
    before = ["web"] if targets else []
    if targets:
        steps += [Step("web", "build", "tools/build_web.sh"), *build("unit", "release", " ".join(targets))]
    if selection.programs:
        steps.append(Step("unit", "fetch models", "tools/fetch_models.sh", prepares=True))
        names = "|".join(selection.programs)
        steps.append(Step("unit", "tests", f"ctest --preset release --verbose --tests-regex '^({names})(_replay)?$'"))
    steps += [step for step in all_steps(0) if step.layer in layers and not step.takes_minutes
              and not (step.prepares and step.layer in before)]
    if selection.tidy:
        steps.append(Step("tidy", "clang-tidy", f"tools/clang_tidy.py {' '.join(selection.tidy)}"))
    return steps
