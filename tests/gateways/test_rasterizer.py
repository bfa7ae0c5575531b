from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from jobs import errors
from jobs.gateways import disk, rasterizer
from jobs.gateways.rasterizer import DrawnPage, FailedPage, Limits, PageBox
from tests import files
from tests.gateways import fake_poppler

A4 = PageBox(595.2756, 841.8898)
QUICK = Limits(cpu_seconds=2)


def draw(
    path: Path, *, numbers: tuple[int, ...] | None = None, dpi: int = 200, limits: Limits = rasterizer.DEFAULT
) -> Mapping[int, DrawnPage | FailedPage]:
    """Inspects and draws, all pages or those named, and says that nothing else was left in the folder."""
    into = path.parent / "drawn"
    into.mkdir()
    found = rasterizer.inspect(path, max_pages=100, clear_copy=path.parent / "clear.pdf")
    boxes = dict(enumerate(found.pages, 1))
    chosen = {number: boxes[number] for number in numbers or boxes}
    results = rasterizer.draw(path, found.media_type, chosen, dpi=dpi, into=into, limits=limits)
    assert [result.number for result in results] == sorted(chosen)
    assert set(into.iterdir()) == {result.path for result in results if isinstance(result, DrawnPage)}
    return {result.number: result for result in results}


def drawn(result: DrawnPage | FailedPage) -> DrawnPage:
    assert isinstance(result, DrawnPage), result
    with Image.open(result.path) as image:
        assert image.size == (result.width_px, result.height_px)
        assert image.format == "JPEG"
    return result


def shade(page: DrawnPage, across: float, down: float) -> int:
    """Grey, 0 to 255, at a place given as shares of width and height."""
    with Image.open(page.path) as image:
        value = image.convert("L").getpixel((int(across * (image.width - 1)), int(down * (image.height - 1))))
    assert isinstance(value, int)
    return value


# ---- pages of a PDF


def test_a_page_has_the_size_its_box_promises(tmp_path: Path) -> None:
    page = drawn(draw(files.numbered_pdf(tmp_path / "a.pdf", 1))[1])
    assert (page.width_px, page.height_px, page.dpi) == (*files.A4_AT_200_DPI, 200)


def test_pages_keep_their_own_numbers_in_a_chunk_with_gaps(tmp_path: Path) -> None:
    path = files.sized_pdf(tmp_path / "a.pdf", [(100 + 10 * number, 200) for number in range(1, 13)])
    results = draw(path, numbers=(2, 3, 7, 11, 12), dpi=72)
    assert {number: drawn(page).width_px for number, page in results.items()} == {
        2: 120,
        3: 130,
        7: 170,
        11: 210,
        12: 220,
    }
    assert drawn(results[7]).path.name == "7.jpg"


def test_what_is_outside_the_crop_box_is_not_drawn(tmp_path: Path) -> None:
    page = drawn(draw(files.cropped_pdf(tmp_path / "a.pdf"), dpi=72)[1])
    assert (page.width_px, page.height_px) == (300, 400)
    assert page.ink == 0
    assert shade(page, 0, 0) > 250


def test_rotated_pages_come_out_upright(tmp_path: Path) -> None:
    results = draw(files.rotated_pdf(tmp_path / "a.pdf"), dpi=50)
    for number in range(1, 5):
        page = drawn(results[number])
        assert (page.width_px > page.height_px) == (number in (2, 4))
        assert shade(page, 0.5, 0.03) < 50
        assert shade(page, 0.5, 0.97) > 200


def test_a_page_with_a_unit_of_its_own_is_drawn_in_its_real_size(tmp_path: Path) -> None:
    results = draw(files.unit_pdf(tmp_path / "a.pdf", 2.0), dpi=72)
    large, ordinary = drawn(results[1]), drawn(results[2])
    assert (large.width_px, large.height_px, large.dpi) == (1191, 1684, 72)
    assert (ordinary.width_px, ordinary.height_px, ordinary.dpi) == (596, 842, 72)


@pytest.mark.parametrize("side_pt", [8_400, 14_400, 200_000, 10**9])
def test_a_giant_page_is_drawn_smaller_instead_of_as_one_pixel(tmp_path: Path, side_pt: int) -> None:
    page = drawn(draw(files.sized_pdf(tmp_path / "a.pdf", [(side_pt, side_pt)]))[1])
    assert 3000 < page.width_px == page.height_px <= rasterizer.DEFAULT.max_side_px
    assert page.width_px * page.height_px <= rasterizer.DEFAULT.max_pixels
    assert page.ink > 0.01


@pytest.mark.parametrize(
    ("box", "dpi", "size"),
    [
        (A4, 300, (2481, 3508)),
        (PageBox(841.8898, 1190.551), 200, (2339, 3308)),
        (PageBox(612, 2376), 200, (927, 3597)),
    ],
)
def test_ordinary_paper_at_ordinary_resolutions_is_not_scaled_down_and_tall_paper_is(box, dpi, size) -> None:
    plan = rasterizer.plan_page(1, box, dpi, rasterizer.DEFAULT)
    assert (plan.width_px, plan.height_px) == size


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (PageBox(0, 800), rasterizer.NO_AREA),
        (PageBox(1, 14_400), "one side is more than 20 times the other"),
        (PageBox(2, 2), rasterizer.TOO_SMALL),
    ],
)
def test_a_page_that_would_be_no_picture_fails_with_its_reason(tmp_path: Path, box: PageBox, reason: str) -> None:
    path = files.numbered_pdf(tmp_path / "a.pdf", 1)
    (result,) = rasterizer.draw(path, "application/pdf", {1: box}, dpi=200, into=tmp_path)
    assert isinstance(result, FailedPage)
    assert reason in result.reason


def test_a_page_of_another_size_than_promised_is_not_believed(tmp_path: Path) -> None:
    path = files.numbered_pdf(tmp_path / "a.pdf", 1)
    (result,) = rasterizer.draw(path, "application/pdf", {1: PageBox(595, 400)}, dpi=72, into=tmp_path)
    assert result == FailedPage(1, rasterizer.BROKEN)


def test_ink_tells_a_blank_page_from_one_with_a_lone_number(tmp_path: Path) -> None:
    results = draw(files.text_pdf(tmp_path / "a.pdf", ["", "7", "many words\n" * 30]), dpi=100)
    blank, lone, full = (drawn(results[number]).ink for number in (1, 2, 3))
    assert blank == 0
    assert 0.0001 <= lone < 0.01 < full


def test_an_encrypted_file_that_opens_without_asking_is_drawn(tmp_path: Path) -> None:
    results = draw(files.locked_pdf(tmp_path / "a.pdf", user=""), dpi=50)
    assert all(drawn(page).ink > 0 for page in results.values())


# ---- pages that cannot be drawn


def test_a_broken_page_is_marked_and_the_others_are_drawn(tmp_path: Path) -> None:
    results = draw(files.broken_page_pdf(tmp_path / "a.pdf"), dpi=72)
    assert results[3] == FailedPage(3, rasterizer.DAMAGED)
    assert all(drawn(results[number]).ink > 0 for number in (1, 2, 4, 5))


def test_a_blank_page_among_complaints_about_another_stays_a_blank_page(tmp_path: Path) -> None:
    def damage(pdf) -> None:
        stream = pdf.make_stream(b"")
        stream.write(b"\x00garbage" * 50, filter=files.pikepdf.Name.FlateDecode)
        pdf.pages[0].Contents = stream
        del pdf.pages[1].Contents

    results = draw(files.changed_pdf(tmp_path / "a.pdf", damage, recompress_flate=False), dpi=72)
    assert isinstance(results[1], FailedPage)
    assert drawn(results[2]).ink == 0
    assert drawn(results[3]).ink > 0


def test_a_page_that_never_gets_done_costs_itself_alone(tmp_path: Path) -> None:
    limits = replace(QUICK, wall_seconds=6.0)
    results = draw(files.bomb_pdf(tmp_path / "a.pdf"), dpi=72, limits=limits)
    assert results[2] == FailedPage(2, rasterizer.TOO_COMPLEX)
    assert drawn(results[1]).ink > 0
    assert drawn(results[3]).ink > 0


def test_a_page_alone_is_stopped_by_its_processor_time(tmp_path: Path) -> None:
    limits = replace(QUICK, cpu_seconds=1)
    assert draw(files.bomb_pdf(tmp_path / "a.pdf", pages=1, bomb=1), limits=limits) == {
        1: FailedPage(1, rasterizer.TOO_COMPLEX)
    }


def test_a_crash_at_each_page_fails_each_page_after_two_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = tmp_path / "calls"
    fake_poppler.replace(monkeypatch, tmp_path, f'echo "$@" >> {calls}; kill -SEGV $$')
    results = draw(files.numbered_pdf(tmp_path / "a.pdf", 2), dpi=72)
    assert results == {1: FailedPage(1, rasterizer.BROKEN), 2: FailedPage(2, rasterizer.BROKEN)}
    drawings = [line for line in calls.read_text().splitlines() if "-cropbox" in line]
    alone = [line for line in drawings if "-f 2 -l 2" in line]
    assert "-f 1 -l 2" in drawings[0]
    assert len(drawings) <= 5
    assert len(alone) >= 1


def test_a_crash_at_one_page_is_made_up_for_by_a_second_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = tmp_path / "once"
    script = f'case "$*" in *-cropbox*) if mkdir {once} 2>/dev/null; then kill -SEGV $$; fi;; esac; exec $REAL "$@"'
    fake_poppler.replace(monkeypatch, tmp_path, script)
    results = draw(files.numbered_pdf(tmp_path / "a.pdf", 3), dpi=72)
    assert all(drawn(page).ink > 0 for page in results.values())


def test_a_drawer_that_hangs_is_killed_with_all_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Q13."""
    started = tmp_path / "started"
    fake_poppler.replace(monkeypatch, tmp_path, f"echo $$ >> {started}; exec sleep 600")
    results = draw(files.numbered_pdf(tmp_path / "a.pdf", 1), limits=Limits(wall_seconds=3))
    assert results == {1: FailedPage(1, rasterizer.TOO_COMPLEX)}
    for process_id in started.read_text().split():
        assert not Path("/proc", process_id, "cmdline").exists()


def test_half_a_file_is_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = '$REAL "$@"; for last; do :; done; for file in "$last"*.jpg; do truncate -s 5000 "$file"; done'
    fake_poppler.replace(monkeypatch, tmp_path, f'case "$*" in *-cropbox*) {script};; esac')
    results = draw(files.numbered_pdf(tmp_path / "a.pdf", 1), dpi=72)
    assert results == {1: FailedPage(1, rasterizer.BROKEN)}


def test_a_page_that_runs_out_of_memory_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'case "$*" in *"-f 2 "*) echo Out of memory >&2;; *"-l 3"*) echo Out of memory >&2;; esac; exec $REAL "$@"'
    fake_poppler.replace(monkeypatch, tmp_path, script)
    results = draw(files.numbered_pdf(tmp_path / "a.pdf", 3), dpi=72)
    assert results[2] == FailedPage(2, rasterizer.TOO_COMPLEX)
    assert drawn(results[1]).ink > 0


def test_gigabytes_of_complaints_end_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_poppler.replace(monkeypatch, tmp_path, 'case "$*" in *-cropbox*) exec yes complaint >&2;; esac')
    results = draw(files.numbered_pdf(tmp_path / "a.pdf", 1), limits=Limits(wall_seconds=30))
    assert results == {1: FailedPage(1, rasterizer.TOO_COMPLEX)}


def test_a_full_disk_is_not_called_a_broken_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_poppler.replace(monkeypatch, tmp_path, "exit 1")
    monkeypatch.setattr(disk, "NEARLY_FULL_BYTES", 10**18)
    path = files.numbered_pdf(tmp_path / "a.pdf", 1)
    with pytest.raises(errors.Unavailable, match="disk is full"):
        rasterizer.draw(path, "application/pdf", {1: A4}, dpi=72, into=tmp_path)
    assert not list(tmp_path.glob(".drawing-*"))


def test_a_file_that_is_gone_is_said_to_be_gone(tmp_path: Path) -> None:
    with pytest.raises(errors.NotFound):
        rasterizer.draw(tmp_path / "gone.pdf", "application/pdf", {1: A4}, dpi=72, into=tmp_path)


def test_a_server_without_poppler_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.numbered_pdf(tmp_path / "a.pdf", 1)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.Unavailable, match="poppler-utils"):
        rasterizer.draw(path, "application/pdf", {1: A4}, dpi=72, into=tmp_path)


def test_what_fails_is_logged_with_its_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        draw(files.broken_page_pdf(tmp_path / "a.pdf"), dpi=72)
    assert "page 3 of" in caplog.text


# ---- images


def test_a_phones_sideways_photo_is_upright(tmp_path: Path) -> None:
    page = drawn(draw(files.sideways_jpeg(tmp_path / "a.jpg"))[1])
    assert (page.width_px, page.height_px) == (1200, 1600)
    assert shade(page, 0.5, 0.05) < 50
    assert shade(page, 0.5, 0.95) > 200


def test_each_frame_of_a_tiff_is_a_page(tmp_path: Path) -> None:
    results = draw(files.multipage_tiff(tmp_path / "a.tif", 4), numbers=(2, 3, 4))
    assert {n: drawn(page).height_px for n, page in results.items()} == {2: 1200, 3: 1300, 4: 1400}


def test_a_fax_gets_square_pixels(tmp_path: Path) -> None:
    page = drawn(draw(files.fax_tiff(tmp_path / "a.tif"))[1])
    assert (page.width_px, page.height_px, page.dpi) == (1695, 2333, 200)


def test_transparency_becomes_white(tmp_path: Path) -> None:
    page = drawn(draw(files.transparent_png(tmp_path / "a.png"))[1])
    assert shade(page, 0, 0) > 250
    assert 0 < page.ink < 0.5


def test_sixteen_bits_keep_their_greys(tmp_path: Path) -> None:
    page = drawn(draw(files.deep_png(tmp_path / "a.png"))[1])
    assert shade(page, 0.1, 0.5) < 10
    assert 118 < shade(page, 0.5, 0.5) < 138
    assert shade(page, 0.9, 0.5) > 245


def test_cmyk_comes_out_black_on_white(tmp_path: Path) -> None:
    page = drawn(draw(files.cmyk_jpeg(tmp_path / "a.jpg"))[1])
    assert shade(page, 0.5, 0.05) < 50
    assert shade(page, 0.5, 0.95) > 200


def test_an_image_is_scaled_down_to_the_resolution_asked_for_and_never_up(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    files.picture((800, 1000)).save(path, dpi=(200, 200))
    into = tmp_path / "at"
    for dpi, size in ((100, (400, 500)), (300, (800, 1000))):
        into.mkdir(exist_ok=True)
        box = rasterizer.inspect(path, max_pages=1, clear_copy=into).pages[0]
        (page,) = rasterizer.draw(path, "image/png", {1: box}, dpi=dpi, into=into)
        assert (drawn(page).width_px, drawn(page).height_px) == pytest.approx(size, abs=1)
        assert drawn(page).dpi == min(dpi, 200)


def test_a_large_photo_is_capped(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    files.picture((6000, 4500)).save(path, dpi=(72, 72))
    page = drawn(draw(path)[1])
    assert (page.width_px, page.height_px) == (3600, 2700)


def test_a_pixel_bomb_is_too_complex(tmp_path: Path) -> None:
    assert draw(files.pixel_bomb_png(tmp_path / "a.png"), limits=QUICK) == {1: FailedPage(1, rasterizer.TOO_COMPLEX)}


def test_the_grain_of_a_scanned_blank_page_is_not_ink(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    grain = Image.effect_noise(files.A4_AT_200_DPI, 18).point(lambda value: value + 100)
    grain.save(path, dpi=(200, 200), compress_level=1)
    page = drawn(draw(path)[1])
    assert page.path.stat().st_size > 500_000
    assert page.ink == 0
