"""XML label files with the line of every element."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from .layout import Dataset
from .record import LabelError, LabelledObject, LabelRecord, Problem, number


@dataclass(frozen=True)
class XmlFile:
    """A parsed file; `line_of` gives the line on which an element begins."""

    root: Element
    line_of: dict[Element, int]


def parse_xml(path: Path) -> XmlFile:
    """Parse a label file.

    Raises:
        LabelError: it cannot be read or is not XML.
    """
    builder, line_of = TreeBuilder(), {}
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        line_of[builder.start(tag, attributes)] = parser.CurrentLineNumber

    parser.StartElementHandler = start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        raise LabelError(f"line {error.lineno}: not XML ({expat.ErrorString(error.code)})") from None
    except OSError as error:
        raise LabelError(f"cannot be read ({error.strerror or error})") from None
    return XmlFile(builder.close(), line_of)


def text_of(element: Element, path: str) -> str:
    """The text below an element, stripped.

    Raises:
        LabelError: no such element, or it is empty.
    """
    text = (element.findtext(path) or "").strip()
    if not text:
        raise LabelError(f"<{path}> is missing or empty")
    return text


def number_of(element: Element, path: str) -> float:
    """The number below an element.

    Raises:
        LabelError: there is none.
    """
    return number(text_of(element, path), f"<{path}>")


def gsd_of(element: Element, path: str) -> float | None:
    """The GSD in metres that a file tells, None where it is absent, empty or 0.

    Raises:
        LabelError: it is no number, or below 0.
    """
    text = (element.findtext(path) or "").strip()
    value = number(text, f"<{path}>") if text else 0.0
    if value < 0:
        raise LabelError(f"<{path}> is {value:g} m; a GSD is above 0")
    return value or None


def xml_records(
    dataset: Dataset,
    *,
    objects: str,
    read_object: Callable[[Element, str], LabelledObject],
    gsd: str | None = None,
    picture: str | None = None,
) -> Iterator[LabelRecord | Problem]:
    """Records of every XML file below the labels' folder.

    objects: path of an object's element. read_object: reads one, given its place in the file; a LabelError costs that
    object alone. gsd, picture: path of the GSD and of the picture's file name; a picture named as its label file is
    preferred, since names inside files go stale when files are renamed.
    """
    for path, stem in dataset.label_files(".xml"):
        try:
            file = parse_xml(path)
            gsd_m = gsd_of(file.root, gsd) if gsd else None
        except LabelError as fault:
            yield Problem(path, "", str(fault))
            continue
        found: list[LabelledObject | Problem] = []
        for element in file.root.findall(objects):
            where = f"line {file.line_of[element]}"
            try:
                found.append(read_object(element, where))
            except LabelError as fault:
                found.append(Problem(path, where, str(fault)))
        named = file.root.findtext(picture) if picture else None
        yield LabelRecord(_picture_name(dataset, stem, named), path, lambda _, found=found: iter(found), gsd_m)


def _picture_name(dataset: Dataset, stem: str, named: str | None) -> str:
    try:
        dataset.pictures.find(stem)
    except LabelError:
        return named.strip() if named and named.strip() else stem
    return stem
