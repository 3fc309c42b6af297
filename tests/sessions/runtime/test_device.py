"""The choice of where models run, on machines that are invented one by one."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import onnxruntime as ort
import platformdirs
import pytest
from helpers.graphs import mean_graph

from streamcut.core.errors import ModelError, UsageError
from streamcut.sessions import DEVICES, Device, new_session, obstacle, session_options
from streamcut.sessions.base import BaseSession, load_model
from streamcut.sessions.runtime import cuda

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
GPU_PACKAGE = [TENSORRT, CUDA, CPU]
LIBRARIES = "cublasLt cublas cudart curand cudnn"
ALL_CUDA = frozenset({*LIBRARIES.split(), "cufft"})
FULL = (
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : bfc_arena.cc:376 Failed to allocate memory for "
    "requested buffer of size 4194304"
)


class Session:
    """What ONNX Runtime gives back: it says which providers it took."""

    def __init__(self, taken: list[str]) -> None:
        self._taken = taken

    def get_providers(self) -> list[str]:
        return self._taken


class Machine:
    """A machine that does not exist: its driver, its libraries, its ONNX Runtime.

    Attributes:
        asked: the providers that each session was asked for, in order.
        files: the file that each was asked to load.
        fails: what loading a model says, by the provider that is first in the list.
        refuses: providers that ONNX Runtime leaves out without a word.
        preloaded: how often CUDA's libraries were looked for in pip's folders.
    """

    def __init__(self) -> None:
        self.available = [CPU]
        self.packages = ["onnxruntime-gpu"]
        self.libraries: set[str] = set()
        self.from_pip: set[str] = set()
        self.asked: list[list[Any]] = []
        self.files: list[str] = []
        self.fails: dict[str, str] = {}
        self.refuses: set[str] = set()
        self.preloaded = 0

    def load(self, name: str, **_: Any) -> Any:
        if not any(name.startswith((f"lib{known}.", known)) for known in self.libraries):
            raise OSError(f"{name}: cannot open shared object file")
        return object()

    def preload(self) -> None:
        print("Failed to load something")
        self.preloaded += 1
        self.libraries |= self.from_pip

    def session(self, path: str, options: Any, providers: list[Any], **_: Any) -> Session:
        self.asked.append(providers)
        self.files.append(Path(path).name)
        first, given = providers[0]
        if given.get("enable_cuda_graph") and "graph" in self.fails:
            raise RuntimeError(self.fails["graph"])
        if first in self.fails:
            raise RuntimeError(self.fails[first])
        return Session([name for name, _ in providers if name not in self.refuses])

    def version(self, name: str) -> str:
        if name not in self.packages:
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    def names(self) -> list[list[str]]:
        """The providers that were asked for, without their options."""
        return [[name for name, _ in asked] for asked in self.asked]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    """A machine without any GPU, whose ONNX Runtime has no more than the CPU."""
    made = Machine()
    monkeypatch.setattr(ort, "get_available_providers", lambda: made.available)
    monkeypatch.setattr(ort, "InferenceSession", made.session)
    monkeypatch.setattr(ort, "preload_dlls", made.preload, raising=False)
    monkeypatch.setattr(ort, "cuda_version", "13.0", raising=False)
    monkeypatch.setattr(cuda, "_WINDOWS", False)
    monkeypatch.setattr(cuda, "driver", lambda: None)
    monkeypatch.setattr(ort, "__file__", str(tmp_path / "onnxruntime" / "__init__.py"))
    monkeypatch.setattr(ctypes, "CDLL", made.load)
    monkeypatch.setattr(metadata, "version", made.version)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    return made


@pytest.fixture
def nvidia(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with two NVIDIA GPUs and all that CUDA needs."""
    monkeypatch.setattr(cuda, "driver", lambda: cuda.Driver(gpus=2, cuda=13000))
    machine.available = GPU_PACKAGE
    machine.libraries = set(ALL_CUDA)
    return machine


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return mean_graph(tmp_path / "model.onnx")


@pytest.fixture
def tensorrt(nvidia: Machine, tmp_path: Path) -> Machine:
    """A machine that has TensorRT, too, and has used it before."""
    nvidia.libraries |= {"nvinfer", "nvonnxparser"}
    engine = tmp_path / "cache" / "tensorrt" / "TensorrtExecutionProvider_graph_sm90.engine"
    engine.parent.mkdir(parents=True)
    engine.touch()
    return nvidia


def driver(monkeypatch: pytest.MonkeyPatch, **facts: int) -> None:
    monkeypatch.setattr(cuda, "driver", lambda: cuda.Driver(**facts))


# What --device takes.


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("auto", Device()),
        ("cpu", Device("cpu")),
        (" CUDA:1 ", Device("cuda", 1)),
        ("openvino:0", Device("openvino", 0)),
    ],
)
def test_devices_are_written_by_name_and_number(text: str, device: Device) -> None:
    assert Device.parse(text) == device


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gpu", "device is one of auto, tensorrt, cuda"),
        ("", "device is one of"),
        ("cuda:", "write cuda or cuda:0"),
        ("cuda:one", "write cuda or cuda:0"),
        ("cuda:-1", "write cuda or cuda:0"),
        ("auto:1", "takes no number"),
        ("cpu:0", "takes no number"),
    ],
)
def test_what_is_no_device_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Device.parse(text)


def test_the_cpu_and_a_required_gpu_contradict_each_other() -> None:
    with pytest.raises(UsageError, match="leave one of them out"):
        Device.parse("cpu", require_gpu=True)


# What auto takes.


def test_without_a_gpu_the_cpu_is_taken_in_silence(machine: Machine, model: Path) -> None:
    for available in ([CPU], ["AzureExecutionProvider", CPU], GPU_PACKAGE):
        machine.available = available
        load_model(model)
    assert machine.names() == [[CPU]] * 3
    assert not machine.preloaded


@pytest.mark.parametrize(
    ("available", "taken"),
    [
        (["CoreMLExecutionProvider", CPU], "CoreMLExecutionProvider"),
        (["DmlExecutionProvider", CPU], "DmlExecutionProvider"),
        (["OpenVINOExecutionProvider", CPU], "OpenVINOExecutionProvider"),
        (["ROCMExecutionProvider", CPU], "ROCMExecutionProvider"),
        (["MIGraphXExecutionProvider", CPU], "MIGraphXExecutionProvider"),
        (["OpenVINOExecutionProvider", "DmlExecutionProvider", CPU], "DmlExecutionProvider"),
    ],
)
def test_what_onnx_runtime_has_is_taken_in_order(
    machine: Machine, model: Path, available: list[str], taken: str
) -> None:
    machine.available = available
    load_model(model)
    assert machine.names() == [[taken, CPU]]


def test_cuda_is_taken_where_tensorrt_lacks_its_libraries(nvidia: Machine, model: Path) -> None:
    load_model(model)
    assert nvidia.names() == [[CUDA, CPU]]
    words = "libnvinfer.so.10 of TensorRT is missing: pip install 'tensorrt-cu13==10.*'"
    assert words in str(obstacle("tensorrt"))


@pytest.mark.parametrize(
    ("windows", "file", "linked", "library"),
    [
        (False, "libonnxruntime_providers_tensorrt.so", b"libnvinfer.so.11", "libnvinfer.so.11 of"),
        (True, "onnxruntime_providers_tensorrt.dll", b"nvinfer_12.dll", "nvinfer_12.dll of"),
        (False, "something else", b"", "libnvinfer.so.10 of"),
    ],
)
def test_tensorrt_is_looked_for_in_the_version_that_is_linked(
    nvidia: Machine,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    windows: bool,
    file: str,
    linked: bytes,
    library: str,
) -> None:
    (tmp_path / "capi").mkdir()
    (tmp_path / "capi" / file).write_bytes(b"\0\1" + linked + b"\0libcudart.so.13\0")
    monkeypatch.setattr(ort, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(cuda, "_WINDOWS", windows)
    assert library in str(obstacle("tensorrt"))


def test_tensorrt_comes_first_and_keeps_its_engines(
    tensorrt: Machine, model: Path, tmp_path: Path
) -> None:
    load_model(model)
    assert tensorrt.names() == [[TENSORRT, CUDA, CPU]]
    options = tensorrt.asked[0][0][1]
    assert options["trt_engine_cache_enable"] == options["trt_timing_cache_enable"] == "1"
    folder = tmp_path / "cache" / "tensorrt"
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == str(folder)
    assert folder.is_dir()


def test_the_first_engine_is_announced(tensorrt: Machine, model: Path, tmp_path: Path) -> None:
    for engine in (tmp_path / "cache" / "tensorrt").iterdir():
        engine.unlink()
    with pytest.warns(RuntimeWarning, match="builds an engine first, which takes minutes"):
        load_model(model)


def test_without_a_place_to_keep_engines_nothing_is_kept(
    nvidia: Machine, model: Path, tmp_path: Path
) -> None:
    nvidia.libraries |= {"nvinfer", "nvonnxparser"}
    (tmp_path / "cache").write_text("a file where the folder should be")
    load_model(model)
    assert nvidia.asked[0][0] == (TENSORRT, {})


def test_libraries_that_pip_brought_are_loaded_quietly_and_only_if_need_be(
    nvidia: Machine, model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    load_model(model)
    assert nvidia.preloaded == 0
    nvidia.libraries, nvidia.from_pip = set(), set(ALL_CUDA)
    load_model(model)
    assert nvidia.preloaded == 1
    assert nvidia.libraries == ALL_CUDA
    assert capfd.readouterr() == ("", "")


def test_an_index_goes_to_every_provider_that_takes_one(tensorrt: Machine, model: Path) -> None:
    load_model(model, device=Device.parse("tensorrt:1"))
    assert [options.get("device_id") for _, options in tensorrt.asked[0]] == ["1", "1", None]


# What is said when a GPU sits idle.


def without_libraries(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.libraries = {"cudart", "curand"}
    machine.refuses = {CUDA}


def without_cudnn(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.libraries.remove("cudnn")
    machine.refuses = {CUDA}


def with_the_cpu_package(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.available, machine.packages = [CPU], ["onnxruntime"]


def with_both_packages(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.available, machine.packages = [CPU], ["onnxruntime", "onnxruntime-gpu"]


def with_an_old_driver(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(monkeypatch, gpus=1, cuda=12040)
    machine.fails = {CUDA: "CUDA failure 35: CUDA driver version is insufficient"}


def with_a_broken_driver(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(monkeypatch, fault=803, cuda=13000)
    machine.refuses = {CUDA}


def with_full_memory(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.fails = {CUDA: FULL}


def for_no_known_reason(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.refuses = {CUDA}


Spoil = Callable[[Machine, pytest.MonkeyPatch], None]

SPOILT: list[tuple[Spoil, list[str]]] = [
    (
        without_libraries,
        ["libcublasLt.so.13, libcublas.so.13, libcudnn.so.9", "pip install 'streamcut[cuda]'"],
    ),
    (without_cudnn, ["libcudnn.so.9 cannot be loaded: pip install 'streamcut[cuda]'"]),
    (
        with_the_cpu_package,
        [
            "the package onnxruntime has no CUDA",
            "pip uninstall -y onnxruntime && pip install 'streamcut[cuda]'",
        ],
    ),
    (
        with_both_packages,
        [
            "onnxruntime and onnxruntime-gpu are installed together",
            "pip uninstall -y onnxruntime onnxruntime-gpu && pip install",
        ],
    ),
    (with_an_old_driver, ["driver knows CUDA 12.4", "needs CUDA 13: update the driver"]),
    (with_a_broken_driver, ["driver does not start (CUDA error 803)", "nvidia-smi"]),
    (with_full_memory, ["memory is full", "Failed to allocate memory"]),
    (for_no_known_reason, ["an NVIDIA GPU sits idle", CPU, CUDA, "STREAMCUT_DEBUG=1"]),
]


@pytest.fixture(params=SPOILT, ids=lambda case: case[0].__name__)
def spoilt(request: pytest.FixtureRequest, nvidia: Machine, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine whose GPU cannot be used; what is to be said about it."""
    spoil, words = request.param
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    spoil(nvidia, monkeypatch)
    return words


def test_an_idle_gpu_is_one_exact_warning(nvidia: Machine, model: Path, spoilt: list[str]) -> None:
    with pytest.warns(RuntimeWarning) as caught:
        session = load_model(model)
    [warning] = caught
    assert all(word in str(warning.message) for word in spoilt), warning.message
    assert "\n" not in str(warning.message)
    assert session.get_providers() == [CPU]


@pytest.mark.parametrize("device", [Device(require_gpu=True), Device("cuda")])
def test_where_a_gpu_is_a_must_it_is_an_error(
    nvidia: Machine, model: Path, spoilt: list[str], device: Device
) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(model, device=device)
    assert all(word in str(caught.value) for word in spoilt), caught.value


def test_the_cpu_by_name_is_no_reason_to_warn(nvidia: Machine, model: Path) -> None:
    load_model(model, device=Device("cpu"))
    assert nvidia.names() == [[CPU]]


def test_a_required_gpu_on_a_machine_without_one(machine: Machine, model: Path) -> None:
    with pytest.raises(ModelError, match="a GPU is required and none can be used: there is no"):
        load_model(model, device=Device(require_gpu=True))


@pytest.mark.parametrize("name", [name for name in DEVICES if name != "cpu"])
def test_a_device_by_name_is_never_replaced(machine: Machine, model: Path, name: str) -> None:
    with pytest.raises(ModelError, match=f"the device {name} cannot be used: "):
        load_model(model, device=Device(name))
    assert not machine.asked


@pytest.mark.parametrize(
    ("name", "system", "words"),
    [
        ("coreml", "linux", "it is for Macs"),
        ("directml", "darwin", "it is for Windows"),
        (
            "directml",
            "win32",
            "pip uninstall -y onnxruntime-gpu && pip install onnxruntime-directml",
        ),
        ("cuda", "linux", "there is no NVIDIA GPU"),
    ],
)
def test_what_a_device_lacks_is_said(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, name: str, system: str, words: str
) -> None:
    monkeypatch.setattr("streamcut.sessions.runtime.device.sys.platform", system)
    assert words in str(obstacle(name))


def test_a_gpu_that_is_not_there_is_named(nvidia: Machine, model: Path) -> None:
    nvidia.fails = {CUDA: "CUDA failure 101: invalid device ordinal"}
    with pytest.raises(ModelError, match="there is no GPU 5: the driver shows 2, counted from 0"):
        load_model(model, device=Device("cuda", 5))


def test_what_fails_on_tensorrt_runs_on_cuda(tensorrt: Machine, model: Path) -> None:
    tensorrt.fails = {TENSORRT: "no such operator"}
    with pytest.warns(RuntimeWarning, match=f"{TENSORRT} does not take the model: no such"):
        session = load_model(model)
    assert session.get_providers() == [CUDA, CPU]


def test_a_required_gpu_need_not_be_the_best_way_to_it(tensorrt: Machine, model: Path) -> None:
    tensorrt.fails = {TENSORRT: "no such operator", "graph": "not all nodes are on CUDA"}
    device = Device(require_gpu=True, cuda_graphs=True)
    with pytest.warns(RuntimeWarning) as caught:
        session = load_model(model, device=device, bound=True)
    assert session.get_providers() == [CUDA, CPU]
    assert len(caught) == 2
    with pytest.raises(ModelError, match=f"{TENSORRT} does not take the model"):
        load_model(model, device=Device("tensorrt"))


def test_a_file_that_nothing_can_run_is_the_files_fault(nvidia: Machine, model: Path) -> None:
    nvidia.fails = dict.fromkeys((CUDA, CPU), "Protobuf parsing failed.")
    for device in (Device(), Device(require_gpu=True)):
        with pytest.raises(ModelError, match=r"model\.onnx is not a usable ONNX model"):
            load_model(model, device=device)


# What else a device is told.


def test_sixteen_bits_reach_the_providers_that_can(tensorrt: Machine, model: Path) -> None:
    load_model(model, device=Device(half=True))
    assert tensorrt.asked[0][0][1]["trt_fp16_enable"] == "1"
    for provider, option in (
        ("OpenVINOExecutionProvider", {"precision": "FP16"}),
        ("MIGraphXExecutionProvider", {"migraphx_fp16_enable": "1"}),
    ):
        tensorrt.available = [provider, CPU]
        name = "openvino" if "VINO" in provider else "rocm"
        load_model(model, device=Device(name, half=True))
        assert tensorrt.asked[-1][0] == (provider, option)


def test_sixteen_bits_that_nothing_comes_of_are_told(nvidia: Machine, model: Path) -> None:
    for name in ("cuda", "cpu"):
        with pytest.warns(RuntimeWarning, match=f"on {name}, 16 bits are up to the model"):
            load_model(model, device=Device(name, half=True))


def test_cuda_graphs_are_for_sessions_that_bind_their_buffers(nvidia: Machine, model: Path) -> None:
    device = Device(cuda_graphs=True)
    load_model(model, device=device)
    assert nvidia.asked[-1][0] == (CUDA, {})
    load_model(model, device=device, bound=True)
    assert nvidia.asked[-1][0] == (CUDA, {"enable_cuda_graph": "1"})


def test_a_model_that_cannot_be_recorded_runs_without(nvidia: Machine, model: Path) -> None:
    nvidia.fails = {"graph": "not all nodes are on CUDA"}
    with pytest.warns(RuntimeWarning, match="does not run as a CUDA graph: not all nodes"):
        session = load_model(model, device=Device(cuda_graphs=True), bound=True)
    assert session.get_providers() == [CUDA, CPU]
    assert nvidia.asked[-1][0] == (CUDA, {})


# What callers of rembg pass.


def test_a_list_of_providers_wins_over_everything(nvidia: Machine, model: Path) -> None:
    options = {"device_id": 1}
    load_model(model, providers=[CPU], device=Device("cuda", require_gpu=True))
    load_model(model, providers=[(CUDA, options), CPU], device=Device("cpu"))
    load_model(model, providers=[CUDA])
    assert nvidia.asked == [[(CPU, {})], [(CUDA, options), (CPU, {})], [(CUDA, {}), (CPU, {})]]


@pytest.mark.parametrize(
    ("providers", "words"),
    [
        ("CUDAExecutionProvider", "providers is a list"),
        ({CUDA: {}}, "providers is a list"),
        (["CudaExecutionProvider"], "the nearest is CUDAExecutionProvider"),
        (["cuda"], "no execution provider is called 'cuda'; the nearest is CUDAExecution"),
        ([7], "7 is not an execution provider"),
        ([(CUDA, "fast")], "is not an execution provider: give its name"),
        ([(CUDA, {}, 3)], "is not an execution provider: give its name"),
    ],
)
def test_nonsense_in_the_list_is_one_error(
    nvidia: Machine, model: Path, providers: Any, words: str
) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        load_model(model, providers=providers)
    assert "\n" not in str(caught.value)
    assert not nvidia.asked


def test_a_listed_provider_that_is_not_there_is_told(machine: Machine, model: Path) -> None:
    with pytest.warns(RuntimeWarning, match=f"{CUDA} cannot be used: there is no NVIDIA GPU"):
        load_model(model, providers=[CUDA, CPU])
    machine.available, machine.refuses = GPU_PACKAGE, {CUDA}
    with pytest.warns(RuntimeWarning, match=f"^{CPU} was taken instead of {CUDA}: there is no"):
        load_model(model, providers=[CUDA, CPU])
    machine.available = [CPU]
    with pytest.warns(
        RuntimeWarning, match="VINO.* cannot be used: .*pip uninstall -y onnxruntime"
    ):
        load_model(model, providers=["OpenVINOExecutionProvider"])
    assert machine.names() == [[CPU], [CUDA, CPU], [CPU]]


def test_the_cpu_takes_the_file_for_cpus(machine: Machine, model: Path, tmp_path: Path) -> None:
    integers = mean_graph(tmp_path / "integers.onnx")
    load_model(model, on_cpu=integers)
    load_model(model, providers=[CPU], on_cpu=integers)
    assert machine.files == ["integers.onnx", "integers.onnx"]
    assert machine.names() == [[CPU], [CPU]]


def test_a_gpu_takes_the_file_of_floats(nvidia: Machine, model: Path, tmp_path: Path) -> None:
    load_model(model, on_cpu=mean_graph(tmp_path / "integers.onnx"))
    assert nvidia.files == ["model.onnx"]
    assert nvidia.names() == [[CUDA, CPU]]


@pytest.mark.filterwarnings("ignore:.*taken instead of CUDA:RuntimeWarning")
def test_where_the_gpu_is_refused_the_cpu_gets_its_own_file(
    nvidia: Machine, model: Path, tmp_path: Path
) -> None:
    nvidia.refuses = {CUDA}
    session = load_model(model, on_cpu=mean_graph(tmp_path / "integers.onnx"))
    assert session.get_providers() == [CPU]
    assert nvidia.files == ["model.onnx", "integers.onnx"]


@pytest.mark.filterwarnings("ignore:the GPU.s memory is full:RuntimeWarning")
def test_where_the_gpu_fails_the_cpu_gets_its_own_file(
    nvidia: Machine, model: Path, tmp_path: Path
) -> None:
    nvidia.fails = {CUDA: FULL}
    load_model(model, on_cpu=mean_graph(tmp_path / "integers.onnx"))
    assert nvidia.files[-1] == "integers.onnx"
    assert nvidia.names()[-1] == [CPU]


def test_new_session_and_own_classes_hand_the_device_on(machine: Machine, model: Path) -> None:
    class Own(BaseSession):
        @classmethod
        def download_models(cls, *args: Any, **kwargs: Any) -> Path:
            return model

    makers: list[Callable[..., BaseSession]] = [
        lambda **given: new_session(model, **given),
        lambda **given: Own("own", **given),
    ]
    for make in makers:
        with pytest.raises(ModelError, match="the device rocm cannot be used"):
            make(device=Device("rocm"))


# What the driver says; libcuda is invented.


class Library:
    """NVIDIA's driver library, as far as it is asked."""

    def __init__(self, start: int, gpus: int, version: int) -> None:
        self._start, self._gpus, self._version = start, gpus, version

    def cuInit(self, _: int) -> int:  # noqa: N802
        return self._start

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = self._gpus
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        version._obj.value = self._version
        return 0


@pytest.mark.parametrize(
    ("library", "driver"),
    [
        (Library(0, 2, 12080), cuda.Driver(2, 12080)),
        (Library(0, 0, 12080), None),
        (Library(100, 0, 12080), None),
        (Library(34, 0, 0), None),
        (Library(803, 0, 12080), cuda.Driver(0, 12080, 803)),
    ],
)
def test_the_driver_is_asked_what_it_has(
    library: Library, driver: cuda.Driver | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    assert cuda.driver.__wrapped__() == driver


# The options of every session.


def test_threads_sleep_and_leave_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("streamcut.sessions.runtime.device.cpu_count", lambda: 6)
    options = session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    monkeypatch.setattr("streamcut.sessions.runtime.device.cpu_count", lambda: 64)
    assert session_options().intra_op_num_threads == 4


@pytest.mark.parametrize(
    ("wish", "given", "threads"), [("3", 0, 3), ("3", 2, 2), ("3,2", 0, 3), ("many", 0, 1)]
)
def test_omp_num_threads_is_honoured_where_nothing_else_is_said(
    monkeypatch: pytest.MonkeyPatch, wish: str, given: int, threads: int
) -> None:
    monkeypatch.setattr("streamcut.sessions.runtime.device.cpu_count", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", wish)
    assert session_options(given).intra_op_num_threads == threads


def test_omp_num_threads_fills_options_of_the_caller(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    for mine, threads in ((0, 2), (1, 1)):
        options = ort.SessionOptions()
        options.intra_op_num_threads = mine
        session = load_model(model, options, device=Device("cpu"))
        assert session.get_session_options().intra_op_num_threads == threads


def test_on_this_very_machine_a_session_says_where_it_runs(model: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # There may be an idle GPU.
        assert load_model(model).get_providers()[-1] == CPU
    assert load_model(model, device=Device("cpu")).get_providers() == [CPU]


@pytest.mark.parametrize("name", ["chroma", "difference"])
@pytest.mark.parametrize("device", [Device("cuda"), Device(require_gpu=True)])
def test_what_has_no_network_never_seems_to_run_on_a_gpu(name: str, device: Device) -> None:
    with pytest.raises(UsageError, match=f"{name} has no network and runs on the CPU"):
        new_session(name, device=device)
    assert new_session(name, device=Device("cpu")).model_name == name


def test_a_device_may_be_given_as_text() -> None:
    assert new_session(device="cpu").inner_session.get_providers() == ["CPUExecutionProvider"]
    with pytest.raises(UsageError, match="device is one of auto"):
        new_session(device="gpu")
