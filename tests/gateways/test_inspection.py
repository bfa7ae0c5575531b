from __future__ import annotations

import os
from pathlib import Path

import pikepdf
import pytest

from jobs import errors
from jobs.gateways import child_inspection, inspection
from jobs.gateways.inspection import Inspection, PageBox
from jobs.gateways.limits import Limits
from tests import files
from tests.gateways import fake_poppler

A4 = (595, 842)


def inspect(path: Path, *, max_pages: int = 100, limits: Limits | None = None, **options: str) -> Inspection:
    clear_copy = path.with_name("clear.pdf")
    return inspection.inspect(path, max_pages=max_pages, clear_copy=clear_copy, limits=limits or Limits(), **options)


def rounded(boxes: tuple[PageBox, ...]) -> list[tuple[int, int]]:
    return [(round(box.width_pt), round(box.height_pt)) for box in boxes]


# ---- types


@pytest.mark.parametrize(
    ("make", "media_type"),
    [
        (files.numbered_pdf, "application/pdf"),
        (files.sideways_jpeg, "image/jpeg"),
        (files.transparent_png, "image/png"),
        (files.multipage_tiff, "image/tiff"),
    ],
)
def test_the_type_is_told_by_the_content_whatever_the_name(tmp_path: Path, make, media_type: str) -> None:
    assert inspect(make(tmp_path / "original"), name="report.docx").media_type == media_type


def test_a_pdf_may_begin_with_other_bytes(tmp_path: Path) -> None:
    path = files.numbered_pdf(tmp_path / "a.pdf", 2)
    path.write_bytes(b"<script>alert(1)</script>\n" + path.read_bytes())
    assert len(inspect(path).pages) == 2


def test_another_type_is_refused_by_the_name_of_what_is_taken(tmp_path: Path) -> None:
    with pytest.raises(errors.UnsupportedType, match="PDF, PNG, JPEG or TIFF"):
        inspect(files.html_file(tmp_path / "page.html"), name="page.html")


def test_html_that_calls_itself_pdf_is_an_unreadable_pdf(tmp_path: Path) -> None:
    with pytest.raises(errors.Unreadable, match="no readable PDF"):
        inspect(files.html_file(tmp_path / "a"), name="Report.PDF")


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    with pytest.raises(errors.Unreadable, match="empty"):
        inspect(files.empty_file(tmp_path / "a.pdf"))


# ---- pages


def test_boxes_are_what_a_person_sees(tmp_path: Path) -> None:
    assert rounded(inspect(files.rotated_pdf(tmp_path / "a.pdf")).pages) == [A4, A4[::-1], A4, A4[::-1]]
    assert rounded(inspect(files.cropped_pdf(tmp_path / "b.pdf")).pages) == [(300, 400)]


def test_boxes_and_rotation_are_inherited(tmp_path: Path) -> None:
    def hand_up(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Pages.CropBox = pikepdf.Array([0, 0, 200, 300])
        pdf.Root.Pages.Rotate = 90
        for page in pdf.pages:
            del page.Rotate

    assert rounded(inspect(files.changed_pdf(tmp_path / "a.pdf", hand_up, pages=2)).pages) == [(300, 200)] * 2


def test_units_count_even_where_the_page_is_hidden_in_an_object_stream(tmp_path: Path) -> None:
    path = files.unit_pdf(tmp_path / "a.pdf", 2.5)
    expected = [(1488, 2105), A4]
    assert rounded(inspect(path).pages) == expected
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert b"/UserUnit" not in path.read_bytes()
    assert rounded(inspect(path).pages) == expected


def test_a_large_file_is_opened_rather_than_searched(tmp_path: Path) -> None:
    path = files.numbered_pdf(tmp_path / "a.pdf")
    assert not child_inspection._may_tell_more(path)
    os.truncate(path, child_inspection.SEARCHED_MOST_BYTES + 1)
    assert child_inspection._may_tell_more(path)


@pytest.mark.parametrize("box", [[500, 700, 10, 20], [0, 0, 0, 0], ["a", 0, 1, 2], [0, 0, 100]])
def test_odd_boxes_are_read_as_the_drawer_reads_them(tmp_path: Path, box: list[object]) -> None:
    def set_box(pdf: pikepdf.Pdf) -> None:
        values = [pikepdf.String(value) if isinstance(value, str) else value for value in box]
        pdf.pages[0].MediaBox = pikepdf.Array(values)

    (page,) = inspect(files.changed_pdf(tmp_path / "a.pdf", set_box, pages=1)).pages
    assert rounded((page,)) == [(490, 680) if box[0] == 500 else (612, 792)]


def test_a_crop_box_beside_the_page_leaves_no_area(tmp_path: Path) -> None:
    def crop(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].CropBox = [1000, 1000, 1200, 1200]

    (page,) = inspect(files.changed_pdf(tmp_path / "a.pdf", crop, pages=1)).pages
    assert page.width_pt * page.height_pt == 0


def test_a_title_cannot_forge_pages(tmp_path: Path) -> None:
    assert rounded(inspect(files.forged_title_pdf(tmp_path / "a.pdf")).pages) == [A4, A4]


def test_more_pages_than_are_taken_are_refused_by_both_numbers(tmp_path: Path) -> None:
    path = files.numbered_pdf(tmp_path / "a.pdf", 6)
    assert len(inspect(path, max_pages=6).pages) == 6
    with pytest.raises(errors.TooManyPages, match="6 pages, and at most 5"):
        inspect(path, max_pages=5)


def test_no_pages_is_not_the_same_as_unreadable(tmp_path: Path) -> None:
    with pytest.raises(errors.NoPages):
        inspect(files.zero_pages_pdf(tmp_path / "a.pdf"))
    with pytest.raises(errors.Unreadable):
        inspect(files.truncated_pdf(tmp_path / "b.pdf"))


# ---- locks


def test_a_locked_file_asks_for_its_password(tmp_path: Path) -> None:
    path = files.locked_pdf(tmp_path / "a.pdf", user="opensesame")
    with pytest.raises(errors.PasswordRequired):
        inspect(path)
    with pytest.raises(errors.WrongPassword):
        inspect(path, password="openpoppy")
    assert [entry.name for entry in tmp_path.glob("*.pdf*")] == ["a.pdf"]


@pytest.mark.parametrize("password", ["opensesame", "owner"])
def test_either_password_gives_a_clear_copy(tmp_path: Path, password: str) -> None:
    found = inspect(files.locked_pdf(tmp_path / "a.pdf", user="opensesame"), password=password)
    assert found.decrypted == tmp_path / "clear.pdf"
    with pikepdf.open(found.decrypted) as pdf:
        assert not pdf.is_encrypted
        assert len(pdf.pages) == len(found.pages) == 3


@pytest.mark.parametrize("typed", ["naïve ﬁle №1", "pass\u00adword"])
def test_a_password_is_prepared_as_pdf_2_says(tmp_path: Path, typed: str) -> None:
    import unicodedata

    prepared = unicodedata.normalize("NFKC", typed.replace("\u00ad", ""))
    found = inspect(files.locked_pdf(tmp_path / "a.pdf", user=prepared), password=typed)
    assert found.decrypted is not None


def test_a_file_that_opens_without_asking_is_not_copied(tmp_path: Path) -> None:
    found = inspect(files.locked_pdf(tmp_path / "a.pdf", user=""), password="whatever")
    assert len(found.pages) == 3
    assert found.decrypted is None
    assert not (tmp_path / "clear.pdf").exists()


def test_the_password_and_our_secrets_are_on_no_command_line_and_in_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen = tmp_path / "seen"
    monkeypatch.setenv("OCRSITE_SECRET_KEY", "hidden-from-children")
    script = f'(echo "$@"; env; tr "\\0" " " </proc/$PPID/cmdline) >> {seen}; exec $REAL "$@"'
    fake_poppler.replace(monkeypatch, tmp_path, script, "pdfinfo")
    inspect(files.locked_pdf(tmp_path / "a.pdf", user="opensesame"), password="opensesame")
    assert "a.pdf" in seen.read_text()
    assert "pdf_child.py" in seen.read_text()
    assert "opensesame" not in seen.read_text() + caplog.text
    assert "hidden-from-children" not in seen.read_text()


# ---- warnings and bounds


def test_a_dynamic_form_is_warned_of(tmp_path: Path) -> None:
    (warning,) = inspect(files.dynamic_form_pdf(tmp_path / "a.pdf")).warnings
    assert "dynamic form" in warning
    assert inspect(files.numbered_pdf(tmp_path / "b.pdf")).warnings == ()


def test_a_reader_that_hangs_is_ended_and_the_file_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = tmp_path / "started"
    fake_poppler.replace(monkeypatch, tmp_path, f"echo $$ > {started}; exec sleep 600", "pdfinfo")
    with pytest.raises(errors.Unreadable, match="too long"):
        inspect(files.numbered_pdf(tmp_path / "a.pdf"), limits=Limits(wall_seconds=3))
    assert not Path("/proc", started.read_text().strip(), "cmdline").exists()


def test_a_reader_that_explodes_is_ended_and_the_file_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_poppler.replace(monkeypatch, tmp_path, "exec yes", "pdfinfo")
    with pytest.raises(errors.Unreadable):
        inspect(files.numbered_pdf(tmp_path / "a.pdf"), limits=Limits(memory_bytes=300_000_000))


# ---- images


def test_images_have_pages_in_points(tmp_path: Path) -> None:
    assert rounded(inspect(files.multipage_tiff(tmp_path / "a.tif", 2)).pages) == [(288, 396), (288, 432)]
    assert rounded(inspect(files.sideways_jpeg(tmp_path / "a.jpg")).pages) == [(432, 576)]
    assert rounded(inspect(files.fax_tiff(tmp_path / "b.tif")).pages) == [(610, 840)]


@pytest.mark.parametrize("dpi", [None, (72, 72), (96, 96), (1, 1), (200, 1200)])
def test_a_resolution_that_means_nothing_counts_as_200(tmp_path: Path, dpi: tuple[int, int] | None) -> None:
    path = tmp_path / "a.jpg"
    files.picture((1000, 2000)).save(path, **({"dpi": dpi} if dpi else {}))
    assert rounded(inspect(path).pages) == [(360, 720)]


def test_a_thumbnail_in_a_tiff_is_no_page(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    small = files.picture((80, 100))
    small.encoderinfo = {"tiffinfo": {files.SUBFILE_TAG: 1}}
    files.picture((800, 1000)).save(path, save_all=True, append_images=[small], dpi=(200, 200))
    assert rounded(inspect(path).pages) == [(288, 360)]


def test_too_many_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.TooManyPages):
        inspect(files.multipage_tiff(tmp_path / "a.tif", 3), max_pages=2)


@pytest.mark.parametrize("make", [files.sideways_jpeg, files.transparent_png, files.multipage_tiff])
def test_an_image_that_was_cut_off_is_refused(tmp_path: Path, make) -> None:
    path = make(tmp_path / "a")
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(errors.Unreadable):
        inspect(path)
