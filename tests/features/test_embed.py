from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from napari_stem.cache import set_limit_gb
from napari_stem.errors import EncoderError, MissingScale, OptionError, StorageError
from napari_stem.events import Event, Progress, finish
from napari_stem.features.compute import Compute
from napari_stem.features.embed import iter_embed
from napari_stem.features.encoders.builders import build_encoder, make_network
from napari_stem.features.encoders.entry import Encoder
from napari_stem.features.encoders.morphology import Morphology
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.features.patches import PHYSICAL, crop_patches, dihedral
from napari_stem.slides.slide import Slide
from napari_stem.spots.table import spot_table

MORPHOLOGY, UNI = find_encoder("morphology"), find_encoder("uni")
N = 150  # three chunks of the cache


def make_slide(mpp: float | None = 0.5) -> Slide:
    image = np.random.default_rng(0).integers(0, 256, (800, 800, 3), dtype=np.uint8)
    return Slide.from_array(image, mpp=mpp)


def make_spots(n: int = N, seed: int = 0):
    return spot_table(np.random.default_rng(seed).uniform(0, 800, (n, 2)), diameter_px=110)


@pytest.fixture(scope="module")
def slide():
    return make_slide()


@pytest.fixture(scope="module")
def spots():
    return make_spots(12)


def embed(*args, **options) -> np.ndarray:
    return finish(iter_embed(*args, **options))


def described(slide, spots, cache, **options) -> int:
    """How many vectors had to be computed."""
    heard: list[Event] = []
    compute = Compute(cache=cache)
    work = iter_embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=compute, **options)
    finish(work, heard.append)
    events = [event for event in heard if isinstance(event, Progress)]
    steps = [
        after.done - before.done
        for before, after in pairwise(events)
        if before.total  # else the encoder is loaded
    ]
    return sum(steps)


def test_vectors_are_those_of_the_patches_of_each_field_and_view(slide, spots):
    views = (0, 3, 6)
    found = embed(slide, spots, [MORPHOLOGY], PHYSICAL, views=views)
    module, xy = Morphology(), spots.obsm["spatial"]
    for index, view in enumerate(views):
        fields = [
            module(torch.from_numpy(np.ascontiguousarray(dihedral(patches, view))))
            for field in MORPHOLOGY.fields
            for patches in [crop_patches(slide, xy, PHYSICAL.widened(field))]
        ]
        np.testing.assert_allclose(found[:, index], torch.cat(fields, 1), atol=1e-4, rtol=1e-4)


def test_encoders_stand_one_after_the_other(slide, spots):
    one = embed(slide, spots, [MORPHOLOGY], PHYSICAL)
    two = embed(slide, spots, [MORPHOLOGY, MORPHOLOGY], PHYSICAL)
    assert two.dtype == np.float32
    np.testing.assert_array_equal(two, np.concatenate([one, one], axis=2))


@pytest.mark.parametrize("batch_size", [5, 64])
def test_the_batch_size_does_not_matter(slide, spots, batch_size):
    compute = Compute(patch_batch_size=batch_size)
    found = embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=compute)
    expected = embed(slide, spots, [MORPHOLOGY], PHYSICAL)
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)


def test_bfloat16_changes_networks_a_little_and_has_vectors_of_its_own(slide, spots, tmp_path):
    vit, weights = find_encoder("timm:test_vit"), tmp_path / "weights.safetensors"
    save_file(make_network(vit).state_dict(), weights)
    compute = Compute(cache=tmp_path / "cache", weights={vit.name: weights})
    single, mixed = (
        embed(slide, spots, [vit, MORPHOLOGY], PHYSICAL, bfloat16=bfloat16, compute=compute)
        for bfloat16 in (False, True)
    )
    with torch.autocast("cpu", torch.bfloat16):
        module = build_encoder(vit, weights)
        patches = crop_patches(slide, spots.obsm["spatial"], PHYSICAL)
        expected = module(torch.from_numpy(patches)).numpy()
    change, spread = (np.abs(each).mean() for each in (mixed - single, single - single.mean(0)))
    assert 0 < change < 0.1 * spread
    width = expected.shape[1]
    np.testing.assert_allclose(mixed[:, 0, :width], expected, atol=0.02 * np.abs(expected).max())
    np.testing.assert_array_equal(mixed[:, :, width:], single[:, :, width:])
    again = embed(slide, spots, [vit, MORPHOLOGY], PHYSICAL, compute=compute)
    np.testing.assert_array_equal(again, single)


class Small(torch.nn.Module):
    """Has memory for so many patches."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.sizes = room, []

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        if len(patches) > self.room:
            raise torch.OutOfMemoryError
        self.sizes.append(len(patches))
        return patches.float().mean((1, 2))


def with_uni(module: torch.nn.Module) -> Compute:
    """Has an encoder in memory under the name of UNI."""
    compute = Compute()
    compute.loaded.encoder(("uni", None), torch.device("cpu"), lambda: module)
    return compute


def test_batches_shrink_to_the_memory_there_is_and_stay_small(slide, spots):
    small, large = Small(3), Small(99)
    found = [
        embed(slide, spots, [UNI], PHYSICAL, compute=with_uni(module)) for module in (small, large)
    ]
    np.testing.assert_array_equal(*found)
    assert (small.sizes, large.sizes) == ([2] * 6, [8, 4])


def test_too_little_memory_for_a_single_patch_is_told(slide, spots):
    compute = with_uni(Small(0))
    with pytest.raises(EncoderError, match=r"more memory than .* has, even for one patch"):
        embed(slide, spots, [UNI], PHYSICAL, compute=compute)


def test_a_second_call_computes_nothing_and_gives_the_same(slide, spots, tmp_path):
    first = embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path))
    assert described(slide, spots, tmp_path) == 0
    np.testing.assert_array_equal(
        embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path)), first
    )


def test_other_spots_slides_scales_and_views_share_nothing(slide, spots, tmp_path):
    embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path))
    whole = 12 * len(MORPHOLOGY.fields)
    assert described(slide, make_spots(12, seed=5), tmp_path) == whole
    assert described(slide.with_mpp(0.4), spots, tmp_path) == whole
    assert described(slide, spots, tmp_path, views=(1,)) == whole
    other = Slide.from_array(255 - slide.read_region(0, 0, 800, 800), mpp=0.5)
    assert described(other, spots, tmp_path) == whole


def test_each_view_is_described_once_whatever_it_is_asked_for_with(slide, spots, tmp_path):
    module = Small(99)
    compute = replace(with_uni(module), cache=tmp_path)
    asked = [(0,), (0, 3, 6), (6, 0)]
    found = [embed(slide, spots, [UNI], PHYSICAL, views=views, compute=compute) for views in asked]
    assert sum(module.sizes) == 3 * 12
    one, three, two = found
    np.testing.assert_array_equal(one[:, 0], three[:, 0])
    np.testing.assert_array_equal(two, three[:, [2, 0]])


def test_other_weights_of_one_encoder_share_nothing(slide, spots, tmp_path):
    encoder, found = find_encoder("timm:test_vit"), []
    first = Compute(cache=tmp_path)
    for seed in (0, 1):
        torch.manual_seed(seed)
        weights = tmp_path / f"{seed}.safetensors"
        save_file(make_network(encoder).state_dict(), weights)
        compute = replace(first, weights={encoder.name: weights})  # with what is loaded
        found.append(finish(iter_embed(slide, spots, [encoder], PHYSICAL, compute=compute)))
    assert np.abs(found[0] - found[1]).max() > 0.1


def test_a_closed_run_keeps_what_it_did(tmp_path):
    slide, spots = make_slide(), make_spots()
    events = iter_embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path))
    for event in events:
        if isinstance(event, Progress) and event.done:
            break
    events.close()
    missing = described(slide, spots, tmp_path)
    assert 0 < missing < N * len(MORPHOLOGY.fields)


class Busy:
    """Counts how many of those that read and those that describe are at work at once."""

    def __init__(self) -> None:
        self.now: set[str] = set()
        self.most = 0

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        self.now.add(what)
        self.most = max(self.most, len(self.now))
        time.sleep(0.005)
        yield
        self.now.discard(what)


@pytest.mark.parametrize(("threads", "readers", "at_once"), [(1, None, 1), (2, None, 2), (1, 1, 2)])
def test_reading_and_describing_take_turns_on_one_thread(spots, threads, readers, at_once):
    busy = Busy()

    class Read(Slide):
        def read_region(self, *args: int, **kwargs: int) -> np.ndarray:
            with busy.doing("reading"):
                return super().read_region(*args, **kwargs)

    class Describe(torch.nn.Module):
        def forward(self, patches: torch.Tensor) -> torch.Tensor:
            with busy.doing("describing"):
                return patches.float().mean((1, 2))

    encoder = Encoder(name="e", source="here", revision="1", width=3, build=lambda _: Describe())
    slide = Read.from_array(make_slide().levels[0], mpp=0.5)
    usual = torch.get_num_threads()
    torch.set_num_threads(threads)
    compute = Compute(patch_batch_size=4, readers=readers)
    try:
        embed(slide, spots, [encoder], PHYSICAL, compute=compute)
    finally:
        torch.set_num_threads(usual)
    assert busy.most == at_once


class Slow(torch.nn.Module):
    """Takes a minute for any patches, and a tenth of a second for each layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(*(Nap() for _ in range(600)))

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.layers(patches.float().mean((1, 2)))
        return vectors


class Nap(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.1)
        return x


def test_closing_stops_a_slow_encoder_between_its_layers(slide, spots):
    encoder = Encoder(name="slow", source="here", revision="1", width=3, build=lambda _: Slow())
    events = iter_embed(slide, spots, [encoder], PHYSICAL)
    while not (isinstance(event := next(events), Progress) and event.stage == "embed"):
        pass
    next(events)  # a heartbeat of the work
    start = time.monotonic()
    events.close()
    assert time.monotonic() - start < 5  # a minute, if not; other programs may be busy


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_run_goes_on_where_it_was(tmp_path):
    code = f"""
        import importlib.util, sys
        spec = importlib.util.spec_from_file_location("here", {str(Path(__file__))!r})
        here = importlib.util.module_from_spec(spec); spec.loader.exec_module(here)
        from pathlib import Path
        events = here.iter_embed(
            here.make_slide(), here.make_spots(), [here.MORPHOLOGY], here.PHYSICAL,
            compute=here.Compute(cache=Path({str(tmp_path)!r})),
        )
        for event in events:
            print(event.done, flush=True)
            if event.done >= 64:
                sys.stdin.read()
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=-1, stdout=-1, text=True
    )
    with child:
        assert child.stdout is not None
        done = 0
        while done < 64:
            done = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
    slide, spots = make_slide(), make_spots()
    assert described(slide, spots, tmp_path) == N * len(MORPHOLOGY.fields) - done
    np.testing.assert_allclose(
        embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path)),
        embed(slide, spots, [MORPHOLOGY], PHYSICAL),
        atol=1e-4,
        rtol=1e-4,
    )


@pytest.mark.parametrize("damage", [b"", b"junk"])
def test_a_damaged_cache_is_computed_again(slide, spots, tmp_path, damage):
    first = embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path))
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.write_bytes(damage)
    for _ in range(2):  # once from the damaged cache, once from the mended one
        found = embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path))
        np.testing.assert_array_equal(found, first)
    assert described(slide, spots, tmp_path) == 0


def test_a_damaged_chunk_is_computed_again(slide, spots, tmp_path):
    first = embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path))
    chunks = [f for f in tmp_path.rglob("*") if f.is_file() and f.name != "zarr.json"]
    assert chunks
    for chunk in chunks:
        chunk.write_bytes(chunk.read_bytes()[:-40])
    found = embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path))
    np.testing.assert_array_equal(found, first)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_disk_that_takes_no_more_is_a_storage_error(slide, spots, tmp_path):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(StorageError, match="could not be written"):
            embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert described(slide, spots, tmp_path) == 12 * len(MORPHOLOGY.fields)


def test_two_processes_can_share_a_cache(tmp_path):
    code = f"""
        import importlib.util
        spec = importlib.util.spec_from_file_location("here", {str(Path(__file__))!r})
        here = importlib.util.module_from_spec(spec); spec.loader.exec_module(here)
        from pathlib import Path
        print("ready", flush=True)
        here.embed(here.make_slide(), here.make_spots(80), [here.MORPHOLOGY], here.PHYSICAL,
                   compute=here.Compute(cache=Path({str(tmp_path)!r})))
    """
    slide, spots = make_slide(), make_spots(80)
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path))
    assert child.returncode == 0
    right = embed(slide, spots, [MORPHOLOGY], PHYSICAL)
    np.testing.assert_allclose(found, right, atol=1e-4, rtol=1e-4)
    assert described(slide, spots, tmp_path) == 0


def test_a_slide_without_scale_is_refused(spots):
    with pytest.raises(MissingScale):
        embed(make_slide(mpp=None), spots, [MORPHOLOGY], PHYSICAL)


@pytest.mark.parametrize("device", ["hal", "cuda:99"])
def test_a_device_that_is_not_here_is_refused(slide, spots, device):
    with pytest.raises(OptionError, match=f"Device '{device}' is not available"):
        finish(iter_embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(device=device)))


def test_new_embeddings_make_room_in_the_cache(slide, spots, tmp_path):
    old = tmp_path / "embeddings" / "old.zarr"
    old.mkdir(parents=True)
    (old / "0").touch()
    os.truncate(old / "0", 100_000_000)  # which takes no place on the disk
    for path in (old / "0", old):
        os.utime(path, (0, 0))
    set_limit_gb(tmp_path, 0.01)
    embed(slide, spots, [MORPHOLOGY], PHYSICAL, compute=Compute(cache=tmp_path))
    assert not old.exists()
    assert described(slide, spots, tmp_path) == 0  # what was used just now stays


def test_weights_that_no_encoder_uses_or_that_are_not_there_are_refused(slide, spots, tmp_path):
    def refused(encoders, weights, message):
        with pytest.raises(EncoderError, match=message):
            finish(iter_embed(slide, spots, encoders, PHYSICAL, compute=Compute(weights=weights)))

    there, nowhere = tmp_path, tmp_path / "nowhere.bin"
    refused([UNI], {"un": there}, "encoder 'un', which is not used. Weights are needed for uni")
    refused([MORPHOLOGY], {"morphology": there}, "'morphology', which is not used. None is needed")
    refused([UNI], {"uni": nowhere}, "weights of encoder uni do not exist")


class Hanging(Slide):
    """A slide on a network drive that hangs until it is told to go on."""

    goes_on = threading.Event()

    def read_region(self, *args: int, **kwargs: int) -> np.ndarray:
        self.goes_on.wait(60)
        return super().read_region(*args, **kwargs)


def test_a_file_that_hangs_is_named_and_stopping_does_not_wait_for_it(spots, slide):
    hanging = Hanging.from_array(slide.levels[0], mpp=0.5, name="S")
    work = iter_embed(hanging, spots, [MORPHOLOGY], PHYSICAL)
    begin = time.monotonic()
    waiting = next(event.waiting for event in work if isinstance(event, Progress) and event.waiting)
    assert (waiting, time.monotonic() - begin < 10) == ("S", True)
    start = time.monotonic()
    work.close()
    assert time.monotonic() - start < 1
    Hanging.goes_on.set()
