"""Hostile PDFs, made by hand: each a few kilobytes that ask for far more work than they seem to."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping

from tests.hostile.bombs import unpacks_to

A4 = b"[0 0 595 842]"
FORM = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]"
PATTERN = b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1"
FILL = b"/Pattern cs /P scn 0 0 595 842 re f"
LINE = b"0 0 m 9 9 l S "
SQUARE = b"1 0 0 rg 0 0 1 1 re f"


def file_of(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of `objects`, numbered from 1; the first is the catalogue."""
    pieces, offsets, at = [b"%PDF-1.7\n"], [], 9
    for number, each in enumerate(objects, start=1):
        offsets.append(at)
        pieces.append(b"%d 0 obj\n%s\nendobj\n" % (number, each))
        at += len(pieces[-1])
    content = b"".join(pieces)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return content + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        table,
        len(objects) + 1,
        trailer,
        len(content),
    )


def stream(data: bytes, entries: bytes = b"", *, packed: bool = False, filters: bytes = b"") -> bytes:
    if packed:
        data, filters = zlib.compress(data), b"/FlateDecode"
    name = b"/Filter[%s]" % filters if filters else b""
    return b"<<%s%s/Length %d>>stream\n%s\nendstream" % (entries, name, len(data), data)


def page_of(packed: bytes) -> bytes:
    """A page that is drawn by what `packed` unpacks to."""
    drawn = stream(packed, filters=b"/FlateDecode")
    return file_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox%s/Resources<<>>/Contents 4 0 R>>" % A4,
            drawn,
        ]
    )


def page(
    contents: bytes,
    resources: bytes = b"",
    *more: bytes,
    entries: bytes = b"",
    box: bytes = A4,
    packed: bool = False,
    catalog: bytes = b"",
) -> bytes:
    """One page; `more` are objects 5, 6 and so on."""
    return file_of(
        [
            b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox%s/Resources<<%s>>/Contents 4 0 R%s>>" % (box, resources, entries),
            stream(contents, packed=packed),
            *more,
        ]
    )


def form(contents: bytes, draws: int = 0, entries: bytes = b"") -> bytes:
    resources = b"/Resources<</XObject<</F %d 0 R>>>>" % draws if draws else b""
    return stream(contents, FORM + resources + entries)


def tile(contents: bytes, step: float, side: float = 1, resources: bytes = b"") -> bytes:
    return stream(
        contents, b"%s/BBox[0 0 %g %g]/XStep %g/YStep %g/Resources<<%s>>" % (PATTERN, side, side, step, step, resources)
    )


def image(width: int, height: int, data: bytes, entries: bytes, filters: bytes = b"") -> bytes:
    size = b"/Type/XObject/Subtype/Image/Width %d/Height %d" % (width, height)
    return stream(data, size + entries, packed=not filters, filters=filters)


F = b"/XObject<</F 5 0 R>>"
GRAY = b"/ColorSpace/DeviceGray/BitsPerComponent 8"
BILEVEL = b"/ColorSpace/DeviceGray/BitsPerComponent 1"


def form_that_draws_itself(times: int) -> bytes:
    return page(b"/F Do", F, form(b"/F Do " * times, draws=5))


def tiling(step: float) -> bytes:
    return page(FILL, b"/Pattern<</P 5 0 R>>", tile(SQUARE, step))


def _nested_forms(levels: int, times: int) -> bytes:
    forms = [form(b"/F Do " * times, draws=6 + level) for level in range(levels)]
    return page(b"/F Do", F, *forms, form(LINE))


def _type3(glyph: bytes, *more: bytes, resources: bytes = b"") -> bytes:
    font = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 1000 1000]/FontMatrix[.001 0 0 .001 0 0]/CharProcs<</a 6 0 R>>"
        b"/Encoding<</Type/Encoding/Differences[97/a]>>/FirstChar 97/LastChar 97/Widths[1000]/Resources<<%s>>>>"
        % resources
    )
    text = b"BT /T 9 Tf (%s) Tj ET" % (b"a" * 2_000)
    return page(text, b"/Font<</T 5 0 R>>", font, stream(b"1000 0 0 0 1000 1000 d1 " + glyph), *more)


def _shading(kind: bytes, times: int, *more: bytes) -> bytes:
    return page(b"/S sh " * times, b"/Shading<</S 5 0 R>>", kind, *more)


def _calculator(length: int) -> bytes:
    program = b"{ " + b"dup sin cos add exp sqrt " * length + b"pop pop 0.5 0.5 0.5 }"
    return stream(program, b"/FunctionType 4/Domain[0 1 0 1]/Range[0 1 0 1 0 1]")


def _mesh(triangles: int) -> bytes:
    some = b"".join(
        struct.pack(">BHHBBB", 0, (number * 7919) % 65536, (number * 104729) % 65536, number % 256, 9, 9)
        for number in range(3_000)
    )
    data = some * (triangles // 1_000)
    entries = (
        b"/ShadingType 4/ColorSpace/DeviceRGB/BitsPerCoordinate 16/BitsPerComponent 8/BitsPerFlag 8"
        b"/Decode[0 595 0 842 0 1 0 1 0 1]"
    )
    return stream(data, entries, packed=True)


def _soft_masks() -> bytes:
    state = b"<</Type/ExtGState/SMask<</Type/Mask/S/Luminosity/G 5 0 R>>>>"
    group = b"/Group<</S/Transparency/CS/DeviceRGB>>/Resources<</ExtGState<</G 6 0 R>>/XObject<</F 5 0 R>>>>"
    return page(b"/G gs /F Do " * 20, F + b"/ExtGState<</G 6 0 R>>", form(b"/G gs /F Do /F Do", entries=group), state)


def _groups(times: int) -> bytes:
    group = b"/Group<</S/Transparency/I true/K true>>"
    blend = b"/ExtGState<</G<</BM/Luminosity/ca 0.5>>>>"
    return page(b"/G gs " + b"/F Do " * times, F + blend, form(SQUARE, entries=group))


def _attachment(packed: bytes) -> bytes:
    names = b"/Names<</EmbeddedFiles<</Names[(factur-x.xml) 5 0 R]>>>>/AF[5 0 R]"
    specification = b"<</Type/Filespec/F(factur-x.xml)/UF(factur-x.xml)/EF<</F 6 0 R>>/AFRelationship/Data>>"
    file = stream(packed, b"/Type/EmbeddedFile/Subtype/text#2Fxml", filters=b"/FlateDecode")
    return page(b"BT ET " + LINE, b"", specification, file, catalog=names)


def _object_stream(count: int, body: bytes) -> bytes:
    entries = b"/Type/ObjStm/N %d/First 10" % count
    table = b"".join(b"\x02" + struct.pack(">IH", 5, index) for index in range(3))
    xref = stream(table, b"/Type/XRef/Size 6/W[1 4 2]/Index[1 3]/Root 1 0 R", packed=True)
    content = b"%PDF-1.7\n"
    content += b"5 0 obj\n%s\nendobj\n" % stream(body, entries, filters=b"/FlateDecode")
    start = len(content)
    return content + b"6 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF" % (xref, start)


def _xref_loop() -> bytes:
    whole = page(LINE)
    at = whole.rfind(b"xref\n0 ")
    return whole.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % at)


def _deep_tree(levels: int) -> bytes:
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    for level in range(levels):
        parent = b"/Parent %d 0 R" % (level + 1) if level else b""
        objects.append(b"<</Type/Pages/Kids[%d 0 R]/Count 1%s>>" % (level + 3, parent))
    objects.append(b"<</Type/Page/Parent %d 0 R/MediaBox%s>>" % (levels + 1, A4))
    return file_of(objects)


def _many_pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(count))
    leaf = b"<</Type/Page/Parent 2 0 R/MediaBox%s>>" % A4
    return file_of(
        [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count), *[leaf] * count]
    )


def _updates(count: int) -> bytes:
    pieces = [page(LINE)]
    size = len(pieces[0])
    previous = pieces[0].rfind(b"xref\n0 ")
    for number in range(count):
        changed = b"4 0 obj\n%s\nendobj\n" % stream(LINE * (number % 9))
        start = size + len(changed)
        tail = b"xref\n4 1\n%010d 00000 n \ntrailer<</Size 5/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
            size,
            previous,
            start,
        )
        pieces.append(changed + tail)
        size, previous = start + len(tail), start
    return b"".join(pieces)


def _annotations(count: int) -> bytes:
    annotation = b"<</Type/Annot/Subtype/Stamp/F 4/Rect[0 0 595 842]/AP<</N 5 0 R>>>>"
    entries = b"/Annots[%s]" % (annotation * count)
    return page(LINE, b"", form(b"/F Do " * 200, draws=6), form(LINE * 200), entries=entries)


def _optional_content(depth: int) -> bytes:
    expression = b"[/Not " * depth + b"5 0 R" + b"]" * depth
    membership = b"<</Type/OCMD/VE%s>>" % expression
    catalog = b"/OCProperties<</OCGs[5 0 R]/D<</ON[5 0 R]>>>>"
    return page(
        b"/OC /M BDC " + LINE + b"EMC",
        b"/Properties<</M 6 0 R>>",
        b"<</Type/OCG/Name(a)>>",
        membership,
        catalog=catalog,
    )


def _cmap(ranges: int) -> bytes:
    head = b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
    body = b"100 beginbfrange " + b"<0000> <FFFF> <0041> " * 100 + b"endbfrange\n"
    font = (
        b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[<</Type/Font/Subtype/CIDFontType2"
        b"/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>]/ToUnicode 6 0 R>>"
    )
    map_ = stream(head + body * (ranges // 100) + b"endcmap", packed=True)
    return page(b"BT /T 9 Tf 50 700 Td <00410042> Tj ET", b"/Font<</T 5 0 R>>", font, map_)


def _text(characters: int) -> bytes:
    line = b"BT /T 1 Tf 1 0 0 1 %d %d Tm (%s) Tj ET\n"
    lines = b"".join(line % (number % 500, number % 800, b"a1 " * 30) for number in range(characters // 90))
    return page(lines, b"/Font<</T<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>", packed=True)


def _broken_font() -> bytes:
    font = b"<</Type/Font/Subtype/TrueType/BaseFont/X/FirstChar 97/LastChar 98/Widths[500 500]/FontDescriptor 6 0 R>>"
    descriptor = b"<</Type/FontDescriptor/FontName/X/Flags 4/FontBBox[0 0 9 9]/FontFile2 7 0 R>>"
    tables = b"".join(struct.pack(">4sIII", name, 0, 0, 0xFFFFFFFF) for name in (b"glyf", b"loca", b"head", b"maxp"))
    file = stream(struct.pack(">IHHHH", 0x00010000, 65535, 16, 0, 0) + tables * 500, b"/Length1 9999999", packed=True)
    return page(b"BT /T 9 Tf 50 700 Td (ab) Tj ET", b"/Font<</T 5 0 R>>", font, descriptor, file)


def _colour_spaces(depth: int) -> bytes:
    space = b"/DeviceRGB"
    for _ in range(depth):
        space = b"[/Indexed %s 1 <000000FFFFFF>]" % space
    return page(b"/C cs 1 scn 0 0 99 99 re f", b"/ColorSpace<</C %s>>" % space)


def _inline_images(count: int) -> bytes:
    one = b"q 595 0 0 842 0 0 cm BI /W 64 /H 64 /BPC 8 /CS /G ID " + b"\x80" * 4096 + b" EI Q\n"
    return page(one * count, packed=True)


def _filters(times: int) -> bytes:
    data = LINE
    for _ in range(times):
        data = data.hex().encode() + b">"
    return page(b"/F Do", F, stream(data, FORM, filters=b"/ASCIIHexDecode" * times))


def _twice_packed(size: int) -> bytes:
    data = zlib.compress(unpacks_to(LINE, size // len(LINE)))
    return page(b"/F Do", F, stream(data, FORM, filters=b"/FlateDecode/FlateDecode"))


def _curves(count: int) -> bytes:
    primes = (7, 11, 13, 17, 19, 23, 29, 31)
    curve = b"%d %d m %d %d %d %d %d %d c "
    return b"".join(curve % tuple((number * prime) % 800 for prime in primes) for number in range(count))


def pdfs() -> Mapping[str, Callable[[], bytes]]:
    """At least 30, by what they try."""
    function = b"<</ShadingType 1/ColorSpace/DeviceRGB/Domain[0 1 0 1]/Matrix[595 0 0 842 0 0]/Function 6 0 R>>"
    radial = (
        b"<</ShadingType 3/ColorSpace/DeviceRGB/Coords[0 0 0 595 842 900]/Extend[true true]"
        b"/Function<</FunctionType 2/Domain[0 1]/C0[0 0 0]/C1[1 1 1]/N 2>>>>"
    )
    return {
        "form draws itself 50 times": lambda: form_that_draws_itself(50),
        "form draws itself once": lambda: form_that_draws_itself(1),
        "forms in a circle": lambda: page(b"/F Do", F, form(b"/F Do " * 20, draws=6), form(b"/F Do " * 20, draws=5)),
        "forms 20 deep, ten times each": lambda: _nested_forms(20, 10),
        "forms 3,000 deep": lambda: _nested_forms(3_000, 1),
        "tiling of tiny steps": lambda: tiling(0.001),
        "tiling of invisible steps": lambda: tiling(0.00001),
        "tiling without steps": lambda: tiling(0),
        "tiling of a heavy cell": lambda: page(FILL, b"/Pattern<</P 5 0 R>>", tile(LINE * 20_000, 2, 2)),
        "tiling of tilings": lambda: page(
            FILL,
            b"/Pattern<</P 5 0 R>>",
            tile(FILL, 3, 3, b"/Pattern<</P 6 0 R>>"),
            tile(SQUARE, 0.01, 0.01),
        ),
        "tiling that tiles itself": lambda: page(
            FILL, b"/Pattern<</P 5 0 R>>", tile(FILL, 3, 3, b"/Pattern<</P 5 0 R>>")
        ),
        "glyphs that draw forms": lambda: _type3(b"/F Do " * 500, form(LINE * 200), resources=b"/XObject<</F 7 0 R>>"),
        "glyphs that show themselves": lambda: _type3(b"BT /T 9 Tf (aaaa) Tj ET", resources=b"/Font<</T 5 0 R>>"),
        "soft masks in a circle": lambda: _soft_masks(),
        "transparency groups by the thousand": lambda: _groups(20_000),
        "shading by a long program": lambda: _shading(function, 50, _calculator(200)),
        "shading of 500,000 triangles": lambda: _shading(_mesh(500_000), 1),
        "radial shading 5,000 times": lambda: _shading(radial, 5_000),
        "large picture drawn 3,000 times": lambda: page(
            b"q 595 0 0 842 0 0 cm " + b"/F Do " * 3_000 + b"Q", F, image(5_000, 5_000, bytes(25_000_000), GRAY)
        ),
        "picture of JBIG2 without data": lambda: page(
            b"595 0 0 842 0 0 cm /F Do", F, image(9_900, 9_900, b"\0\0\0\0", BILEVEL, b"/JBIG2Decode")
        ),
        "picture of JPEG 2000 without data": lambda: page(
            b"595 0 0 842 0 0 cm /F Do",
            F,
            image(9_900, 9_900, b"\xff\x4f\xff\x51\x00\x2f" + b"\xff" * 50, GRAY, b"/JPXDecode"),
        ),
        "picture of CCITT without data": lambda: page(
            b"595 0 0 842 0 0 cm /F Do", F, image(9_900, 9_900, b"\0" * 20, BILEVEL, b"/CCITTFaxDecode")
        ),
        "picture of 10,000,000,000 pixels": lambda: page(b"/F Do", F, image(100_000, 100_000, b"\0", BILEVEL)),
        "instructions of 200 MB": lambda: page_of(unpacks_to(LINE, 200_000_000 // len(LINE))),
        "instructions packed twice": lambda: _twice_packed(500_000_000),
        "eight filters one on another": lambda: _filters(8),
        "inline pictures by the thousand": lambda: _inline_images(2_000),
        "endless dashes": lambda: page(b"[0.00001 0.00001] 0 d 500 w 0 0 m 595 842 l S " * 20),
        "thick curves by the hundred thousand": lambda: page(b"1 j 1 J 300 w " + _curves(100_000) + b"S", packed=True),
        "clips in clips": lambda: page(
            b"q 0 0 595 842 re W n 5 5 m 90 900 l 400 3 l h W* n " * 50_000 + LINE, packed=True
        ),
        "states without end": lambda: page(b"q " * 2_000_000 + LINE, packed=True),
        "nested arrays": lambda: page(b"[" * 1_000_000 + LINE, packed=True),
        "nested dictionaries outside": lambda: page(LINE, b"/X " + b"<</X " * 50_000 + b"1" + b">>" * 50_000),
        "stamps by the thousand": lambda: _annotations(2_000),
        "page of a square kilometre": lambda: page(LINE, box=b"[0 0 14400 14400]", entries=b"/UserUnit 200"),
        "page without measure": lambda: page(LINE, box=b"[0 0 1e38 -1e38]", entries=b"/Rotate 45"),
        "page thin as a hair": lambda: page(LINE, box=b"[0 0 14400 0.0001]"),
        "object stream of 2,000,000,000 objects": lambda: _object_stream(
            2_000_000_000, zlib.compress(b"1 0 2 9 3 20 ")
        ),
        "object stream of zeros": lambda: _object_stream(3, unpacks_to(b"\0", 300_000_000)),
        "cross-references in a circle": lambda: _xref_loop(),
        "page tree 20,000 deep": lambda: _deep_tree(20_000),
        "10,000 pages": lambda: _many_pages(10_000),
        "2,000 updates": lambda: _updates(2_000),
        "optional content 20,000 deep": lambda: _optional_content(20_000),
        "character map of 6,000,000,000 codes": lambda: _cmap(100_000),
        "a million characters": lambda: _text(1_000_000),
        "font of tables beyond the file": lambda: _broken_font(),
        "colour spaces in colour spaces": lambda: _colour_spaces(3_000),
        "attachment of 500 MB": lambda: _attachment(unpacks_to(b" ", 500_000_000)),
        "attachment of ten million elements": lambda: _attachment(
            zlib.compress(b"<a>" + b"<b/>" * 10_000_000 + b"</a>")
        ),
        "attachment that nests": lambda: _attachment(zlib.compress(b"<a>" * 1_000_000 + b"</a>" * 1_000_000)),
    }
