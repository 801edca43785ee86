"""Makes evidence files with many producers, a folder for each; see README.md."""

import io
import itertools
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OUT = Path(sys.argv[1])
HERE = Path(__file__).parent
TEXT = "Order 4711, paid 129.00 EUR on 2026-11-30, refunded 29.90 EUR. Größe, naïve, Łódź, 東京."
LATIN = TEXT.encode("latin-1", "ignore").decode("latin-1")
HTML = f"<!doctype html><meta charset=utf-8><h1>Receipt</h1><p>{TEXT}</p><p><a href='https://shop.example/'>shop</a></p>" + (
    "<table border=1>" + "".join(f"<tr><td>{n}</td><td>{n * 1.1:.2f}</td></tr>" for n in range(60)) + "</table>")
CSV = "number,name,amount,date\n" + "".join(f"{n},Item {n},{n * 1.1:.2f},2026-11-{n % 28 + 1:02}\n" for n in range(200))
RANDOM = random.Random(4711)


def put(producer, name, content):
    folder = OUT / producer
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def run(*command, stdin=None, cwd=None):
    return subprocess.run([str(part) for part in command], input=stdin, cwd=cwd, check=True, capture_output=True).stdout


def picture(width, height, mode="RGB"):
    """A photograph-like picture: gradients with noise and a few shapes."""
    from PIL import Image, ImageDraw
    image = Image.radial_gradient("L").resize((width, height)).convert("RGB")
    image = Image.blend(image, Image.effect_noise((width, height), 60).convert("RGB"), 0.3)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        box = sorted(RANDOM.sample(range(width + 8), 2)), sorted(RANDOM.sample(range(height + 8), 2))
        draw.rectangle((box[0][0], box[1][0], box[0][1], box[1][1]), outline=tuple(RANDOM.choices(range(256), k=3)))
    draw.text((4, 4), "Receipt 4711", fill=(0, 0, 0))
    return image.convert(mode)


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


SIZES = [(1, 1), (7, 9), (64, 48), (333, 251), (1200, 900), (2000, 3000)]


def pillow():
    for (width, height), mode in itertools.product(SIZES, ["RGB", "L", "CMYK"]):
        for name, options in {
            "plain": {}, "progressive": {"progressive": True, "quality": 60}, "full": {"quality": 95, "subsampling": 0},
            "restarts": {"restart_marker_rows": 1, "quality": 50}, "optimized": {"optimize": True, "quality": 30},
            "exif": {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"}}.items():
            content = encoded(picture(width, height, mode), "JPEG", **options)
            put("pillow-jpeg", f"{mode}-{width}-{name}.jpg", content)
            end = content.rindex(b"\xff\xd9")
            if name in ("plain", "progressive"):
                put("pillow-jpeg", f"{mode}-{width}-{name}-no-end.jpg", content[:end])
                put("pillow-jpeg", f"{mode}-{width}-{name}-zeros.jpg", content[:end] + bytes(99))
                put("pillow-jpeg", f"{mode}-{width}-{name}-behind.jpg", content + b"SAMSUNG trailer")
                if width > 300:
                    put("pillow-jpeg", f"refuse-{mode}-{width}-{name}-half.jpg", content[:end // 2])
                    put("pillow-jpeg", f"refuse-{mode}-{width}-{name}-most.jpg", content[:end * 9 // 10])
    for (width, height), mode in itertools.product(SIZES, ["RGB", "L", "LA", "RGBA", "P", "1", "I;16"]):
        image = picture(width, height, "L" if mode == "I;16" else mode if mode not in ("LA",) else "L").convert(mode)
        content = encoded(image, "PNG", optimize=width < 500)
        put("pillow-png", f"{mode.replace(';', '')}-{width}.png", content)
        put("pillow-png", f"{mode.replace(';', '')}-{width}-no-end.png", content[:-12])
        put("pillow-png", f"{mode.replace(';', '')}-{width}-checksum.png", content[:-4] + b"abcd")
        put("pillow-png", f"refuse-{mode.replace(';', '')}-{width}-cut.png", content[:len(content) * 3 // 5])
    for count in (1, 3):
        pages = [picture(600, 800) for _ in range(count)]
        put("pillow-pdf", f"{count}.pdf", encoded(pages[0], "PDF", save_all=True, append_images=pages[1:]))
    frames = [picture(80, 60) for _ in range(3)]
    put("pillow-png", "animated.png", encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    put("pillow-jpeg", "multi-picture.jpg", encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]))


def opencv():
    import cv2
    import numpy
    for width, height in SIZES:
        image = numpy.array(picture(width, height))
        for quality, progressive in itertools.product((20, 95), (0, 1)):
            options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
            put("opencv", f"{width}-{quality}-{progressive}.jpg", cv2.imencode(".jpg", image, options)[1].tobytes())
        put("opencv", f"{width}.png", cv2.imencode(".png", image)[1].tobytes())
        put("opencv", f"{width}-16.png", cv2.imencode(".png", image.astype("uint16") * 257)[1].tobytes())


def simplejpeg():
    import numpy
    import simplejpeg as codec
    for (width, height), sampling in itertools.product(SIZES, ("444", "422", "420", "440", "411", "Gray")):
        space = "GRAY" if sampling == "Gray" else "RGB"
        image = numpy.ascontiguousarray(numpy.array(picture(width, height, "L" if space == "GRAY" else "RGB")))
        image = image.reshape(height, width, -1)
        put("simplejpeg", f"{width}-{sampling}.jpg", codec.encode_jpeg(image, 70, space, sampling))


def pypng():
    import png
    for (width, height), depth, interlace in itertools.product(SIZES[:4], (1, 2, 4, 8, 16), (False, True)):
        rows = [[RANDOM.randrange(1 << depth) for _ in range(width)] for _ in range(height)]
        out = io.BytesIO()
        png.Writer(width, height, greyscale=True, bitdepth=depth, interlace=interlace).write(out, rows)
        put("pypng", f"{width}-{depth}-{interlace}.png", out.getvalue())


def matplotlib():
    from matplotlib import pyplot
    for kind, count in itertools.product(("pdf", "png", "jpg"), range(4)):
        figure, axes = pyplot.subplots()
        axes.plot([RANDOM.random() for _ in range(50 * (count + 1))])
        axes.set_title(TEXT[:40 + count])
        out = io.BytesIO()
        figure.savefig(out, format=kind, dpi=60 + 40 * count)
        pyplot.close(figure)
        put("matplotlib", f"{count}.{kind}", out.getvalue())


def broken_documents(producer, name, content, pages=1):
    """What transfers, scanners and editors do to a document, and viewers repair."""
    end = content.rindex(b"%%EOF")
    put(producer, f"{name}-no-eof.pdf", content[:end])
    put(producer, f"{name}-behind.pdf", content + b"\n<html><body>served by</body></html>" * 60)
    put(producer, f"{name}-before.pdf", b"\xef\xbb\xbf\r\n" + content)
    put(producer, f"{name}-markup-before.pdf", b"<!DOCTYPE html>\n" + content)
    start = content.rindex(b"startxref")
    put(producer, f"{name}-startxref.pdf", content[:start] + b"startxref\n77\n%%EOF\n")
    put(producer, f"refuse-{name}-start.pdf", content[:60])


def reportlab():
    from reportlab.lib import pdfencrypt
    from reportlab.pdfgen.canvas import Canvas
    for pages, compress, encrypt in itertools.product((1, 2, 30), (0, 1), (None, "owner", "user")):
        out = io.BytesIO()
        password = {"owner": "", "user": "secret"}.get(encrypt)
        protection = password is not None and pdfencrypt.StandardEncryption(password, ownerPassword="owner", strength=128)
        canvas = Canvas(out, pageCompression=compress, encrypt=protection or None)
        for page in range(pages):
            canvas.drawString(72, 700, f"{LATIN} {page}")
            canvas.linkURL("https://shop.example/", (72, 690, 300, 710))
            canvas.showPage()
        canvas.save()
        put("reportlab", f"{'refuse-' * (encrypt == 'user')}{pages}-{compress}-{encrypt}.pdf", out.getvalue())
        if encrypt is None:
            broken_documents("reportlab", f"{pages}-{compress}", out.getvalue())


def fpdf2():
    from fpdf import FPDF
    for pages in (1, 2, 20):
        pdf = FPDF()
        pdf.set_font("helvetica", size=12)
        for page in range(pages):
            pdf.add_page()
            pdf.multi_cell(0, 8, f"{LATIN} {page}", link="https://shop.example/")
        if pages == 2:
            pdf.embed_file(bytes=CSV.encode(), basename="orders.csv")
        put("fpdf2", f"{pages}.pdf", bytes(pdf.output()))
    broken_documents("fpdf2", "20", (OUT / "fpdf2" / "20.pdf").read_bytes())


def weasyprint():
    from weasyprint import HTML as Document
    for variant in (None, "pdf/a-1b", "pdf/a-3u", "pdf/ua-1"):
        for uncompressed in (False, True):
            name = f"{(variant or 'plain').replace('/', '')}-{uncompressed}"
            content = Document(string=HTML).write_pdf(pdf_variant=variant, uncompressed_pdf=uncompressed)
            put("weasyprint", f"{name}.pdf", content)
            broken_documents("weasyprint", name, content)


def xhtml2pdf():
    from xhtml2pdf import pisa
    out = io.BytesIO()
    pisa.CreatePDF(HTML, dest=out)
    put("xhtml2pdf", "receipt.pdf", out.getvalue())


def img2pdf():
    import img2pdf as converter
    for width, height in SIZES[2:]:
        for kind in ("JPEG", "PNG"):
            put("img2pdf", f"{width}-{kind}.pdf", converter.convert(encoded(picture(width, height), kind)))


def pymupdf():
    import pymupdf as mupdf
    for pages, options in itertools.product((1, 12), ({}, {"garbage": 4, "deflate": True}, {"use_objstms": 1}, {"ascii": True}, {"clean": True})):
        document = mupdf.open()
        for page in range(pages):
            document.new_page().insert_text((72, 72), f"{TEXT} {page}")
        name = f"{pages}-{'-'.join(options) or 'plain'}"
        put("pymupdf", f"{name}.pdf", document.tobytes(**options))
        if not options:
            for user in ("", "secret"):
                content = document.tobytes(encryption=mupdf.PDF_ENCRYPT_AES_256, owner_pw="owner", user_pw=user)
                put("pymupdf", f"{'refuse-' * bool(user)}{pages}-encrypted-{bool(user)}.pdf", content)


def sources():
    return [path for folder in ("reportlab", "fpdf2", "weasyprint", "pymupdf") for path in sorted((OUT / folder).glob("[!r]*.pdf"))
            if not any(part in path.name for part in ("no-eof", "before", "startxref", "behind", "user", "owner", "crypt"))]


def pikepdf():
    import pikepdf as qpdf
    for source in sources():
        for name, options in {
            "plain": {}, "linear": {"linearize": True}, "packed": {"object_stream_mode": qpdf.ObjectStreamMode.generate},
            "owner": {"encryption": qpdf.Encryption(owner="owner", user="", R=6)},
            "owner-packed": {"encryption": qpdf.Encryption(owner="owner", user="", R=4), "object_stream_mode": qpdf.ObjectStreamMode.generate},
            "rc4": {"encryption": qpdf.Encryption(owner="owner", user="", R=3, aes=False, metadata=False)},
            "refuse": {"encryption": qpdf.Encryption(owner="owner", user="secret", R=6)}}.items():
            out = io.BytesIO()
            with qpdf.open(source) as document:
                document.save(out, **options)
            prefix = "refuse-" if name == "refuse" else ""
            put("pikepdf", f"{prefix}{source.parent.name}-{source.stem}-{name}.pdf", out.getvalue())
            if name in ("linear", "packed"):
                broken_documents("pikepdf", f"{source.parent.name}-{source.stem}-{name}", out.getvalue())
    launch = qpdf.open(sources()[0])
    launch.Root.OpenAction = qpdf.Dictionary(S=qpdf.Name.Launch, F=qpdf.String("cmd.exe"))
    launch.save(OUT / "pikepdf" / "refuse-launch.pdf")


def pypdf():
    from pypdf import PdfReader, PdfWriter
    for source in sources():
        for name, incremental in (("copy", False), ("incremental", True)):
            writer = PdfWriter(PdfReader(source), incremental=True) if incremental else PdfWriter(clone_from=source)
            writer.add_metadata({"/Title": TEXT})
            if not incremental:
                writer.add_attachment("orders.csv", CSV.encode())
            out = io.BytesIO()
            writer.write(out)
            put("pypdf", f"{source.parent.name}-{source.stem}-{name}.pdf", out.getvalue())


def pdfium():
    import pypdfium2
    for source in sources():
        out = io.BytesIO()
        pypdfium2.PdfDocument(source).save(out)
        put("pdfium", f"{source.parent.name}-{source.stem}.pdf", out.getvalue())


def broken_workbooks(producer, name, content):
    put(producer, f"refuse-{name}-cut.xlsx", content[:len(content) * 2 // 3])
    put(producer, f"{name}-behind.xlsx", content + b"trailing bytes")


def openpyxl():
    from openpyxl import Workbook
    from openpyxl.chart import BarChart, Reference
    from openpyxl.comments import Comment
    from openpyxl.drawing.image import Image
    for rows, extras in itertools.product((0, 1, 50, 3_000), (False, True)):
        book = Workbook(write_only=False)
        sheet = book.active
        for row in range(rows):
            sheet.append([row, TEXT, row * 1.1, f"=A{row + 1}*2"])
        if extras:
            sheet["A1"].comment = Comment("checked", "clerk")
            sheet["B1"].hyperlink = "https://shop.example/"
            chart = BarChart()
            chart.add_data(Reference(sheet, min_col=3, min_row=1, max_row=max(rows, 1)))
            sheet.add_chart(chart, "F2")
            sheet.add_image(Image(io.BytesIO(encoded(picture(60, 40), "PNG"))), "H9")
            book.create_sheet("empty")
            book.security.lockStructure = True
        out = io.BytesIO()
        book.save(out)
        put("openpyxl", f"{rows}-{extras}.xlsx", out.getvalue())
        broken_workbooks("openpyxl", f"{rows}-{extras}", out.getvalue())


def xlsxwriter():
    import xlsxwriter as writer
    for rows, constant_memory, strings in itertools.product((0, 1, 200, 5_000), (False, True), (False, True)):
        out = io.BytesIO()
        book = writer.Workbook(out, {"constant_memory": constant_memory, "in_memory": True})
        sheet = book.add_worksheet("Größe & <more>")
        for row in range(rows):
            sheet.write_row(row, 0, [row, TEXT if strings else row * 2, row * 1.1])
        sheet.write_url("E1", "https://shop.example/")
        sheet.write_comment("A1", "checked")
        sheet.insert_textbox("G1", "paid")
        sheet.protect()
        book.close()
        put("xlsxwriter", f"{rows}-{constant_memory}-{strings}.xlsx", out.getvalue())


def pyexcelerate():
    from pyexcelerate import Workbook
    for rows in (1, 100, 4_000):
        book = Workbook()
        book.new_sheet("orders", data=[[row, TEXT, row * 1.1] for row in range(rows)])
        out = io.BytesIO()
        book.save(out)
        put("pyexcelerate", f"{rows}.xlsx", out.getvalue())


def xlwt():
    import xlwt as writer
    for rows, sheets in itertools.product((0, 1, 100, 4_000), (1, 5)):
        book = writer.Workbook()
        for number in range(sheets):
            sheet = book.add_sheet(f"Größe {number}")
            for row in range(rows):
                for column, value in enumerate([row, TEXT, row * 1.1, writer.Formula(f"A{row + 1}*2")]):
                    sheet.write(row, column, value)
        out = io.BytesIO()
        book.save(out)
        put("xlwt", f"{rows}-{sheets}.xls", out.getvalue())
        put("xlwt", f"refuse-{rows}-{sheets}-cut.xls", out.getvalue()[:len(out.getvalue()) // 2])


def msoffcrypto():
    from msoffcrypto.format.ooxml import OOXMLFile
    for source in sorted((OUT / "openpyxl").glob("[!r]*-True.xlsx")):
        out = io.BytesIO()
        OOXMLFile(source.open("rb")).encrypt("secret", out)
        put("msoffcrypto", f"refuse-{source.name}", out.getvalue())


def ghostscript():
    for source in sources():
        for name, options in {"plain": [], "screen": ["-dPDFSETTINGS=/screen"], "old": ["-dCompatibilityLevel=1.3"],
                              "fast": ["-dFastWebView"], "archive": ["-dPDFA=2"]}.items():
            content = run("gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-sOutputFile=-", *options, source)
            put("ghostscript", f"{source.parent.name}-{source.stem}-{name}.pdf", content)
    for device, extension in (("jpeg", "jpg"), ("jpeggray", "jpg"), ("png16m", "png"), ("pngmono", "png"), ("pngalpha", "png"), ("jpegcmyk", "jpg")):
        content = run("gs", "-q", "-dBATCH", "-dNOPAUSE", "-dLastPage=1", f"-sDEVICE={device}", "-r90", "-sOutputFile=-", sources()[0])
        put("ghostscript", f"{device}.{extension}", content)


def poppler():
    for source in sources()[:12]:
        name = f"{source.parent.name}-{source.stem}"
        put("cairo", f"{name}.pdf", run("pdftocairo", "-pdf", source, "-"))
        for kind in ("png", "jpeg"):
            put("cairo", f"{name}.{kind}", run("pdftocairo", f"-{kind}", "-singlefile", source, "-"))


def qpdf():
    for source in sources()[:12]:
        for name, options in {"qdf": ["--qdf"], "linear": ["--linearize"], "packed": ["--object-streams=generate"],
                              "old": ["--force-version=1.2", "--object-streams=disable"],
                              "owner": ["--encrypt", "", "owner", "256", "--"], "weak": ["--allow-weak-crypto", "--encrypt", "", "owner", "40", "--"]}.items():
            put("qpdf", f"{source.parent.name}-{source.stem}-{name}.pdf", run("qpdf", *options, "--warning-exit-0", source, "-"))


def libjpeg():
    for width, height in SIZES:
        for mode in ("RGB", "L"):
            raw = encoded(picture(width, height, mode), "PPM")
            for name, options in {"plain": [], "progressive": ["-progressive"], "optimize": ["-optimize"], "restart": ["-restart", "1"],
                                  "samples": ["-sample", "2x1"], "sharp": ["-sample", "1x1", "-quality", "98"],
                                  "low": ["-quality", "5", "-baseline"], "fast": ["-dct", "fast"], "odd": ["-sample", "1x2"]}.items():
                put("libjpeg-turbo", f"{mode}-{width}-{name}.jpg", run("cjpeg", *options, stdin=raw))
            source = run("cjpeg", stdin=raw)
            for name, options in {"turned": ["-rotate", "90"], "progressive": ["-progressive"], "grey": ["-grayscale"], "scans": ["-restart", "2B"]}.items():
                put("libjpeg-turbo", f"{mode}-{width}-tran-{name}.jpg", run("jpegtran", *options, stdin=source))


def groff():
    put("groff", "letter.pdf", run("groff", "-Tpdf", stdin=(LATIN + "\n.bp\n" + LATIN).encode("latin-1")))
    put("groff", "plain.pdf", run("groff", "-Tpdf", "-ms", stdin=b".TL\nReceipt\n.PP\nPaid\n"))


def converted(producer, arguments, source, target):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"source.{source}"
        path.write_text(HTML if source == "html" else CSV)
        run(*(argument.replace("FOLDER", folder).replace("SOURCE", str(path)) for argument in arguments))
        content = (Path(folder) / f"source.{target.split(':')[0]}").read_bytes()
        put(producer, f"{source}-{target.replace(':', '-').replace(' ', '')}.{target.split(':')[0]}", content)
        return content


def libreoffice():
    for source, target in [("csv", "xlsx"), ("csv", "xls"), ("csv", "pdf"), ("html", "pdf"),
                           ("csv", "xlsx:Calc MS Excel 2007 XML"), ("csv", "xlsx:Calc Office Open XML")]:
        profile = "-env:UserInstallation=file://FOLDER/profile"
        content = converted("libreoffice", ["soffice", profile, "--headless", "--convert-to", target, "--outdir", "FOLDER", "SOURCE"], source, target)
        if target == "pdf":
            broken_documents("libreoffice", source, content)
        if target == "xlsx":
            broken_workbooks("libreoffice", source, content)


def gnumeric():
    for exporter, extension in (("Gnumeric_Excel:xlsx", "xlsx"), ("Gnumeric_Excel:xlsx2", "xlsx"), ("Gnumeric_Excel:excel_biff8", "xls"),
                                ("Gnumeric_Excel:excel_biff7", "xls"), ("Gnumeric_Excel:excel_dsf", "xls"), ("Gnumeric_pdf:pdf_assistant", "pdf")):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "source.csv").write_text(CSV)
            run("ssconvert", "-T", exporter, "source.csv", f"target.{extension}", cwd=folder)
            put("gnumeric", f"{exporter.split(':')[1]}.{extension}", (Path(folder) / f"target.{extension}").read_bytes())


def wkhtmltopdf():
    for name, options in {"plain": [], "grey": ["-g", "-l"], "outline": ["--outline"], "raw": ["--no-pdf-compression"]}.items():
        put("wkhtmltopdf", f"{name}.pdf", run("wkhtmltopdf", "-q", *options, "-", "-", stdin=HTML.encode()))


def node():
    run("node", HERE / "produce.mjs", OUT.resolve(), stdin=encoded(picture(333, 251, "RGBA"), "PNG"))


PRODUCERS = [pillow, opencv, simplejpeg, pypng, matplotlib, reportlab, fpdf2, weasyprint, xhtml2pdf, img2pdf, pymupdf, pikepdf, pypdf,
             pdfium, openpyxl, xlsxwriter, pyexcelerate, xlwt, msoffcrypto, ghostscript, poppler, qpdf, libjpeg, groff, libreoffice,
             gnumeric, wkhtmltopdf, node]

if OUT.exists():
    shutil.rmtree(OUT)
for producer in PRODUCERS:
    try:
        producer()
    except (ImportError, FileNotFoundError) as missing:
        print(f"{producer.__name__}: left out, {missing}")
    except Exception as failed:  # A producer that fails is left out, too.
        print(f"{producer.__name__}: stopped, {failed} {getattr(failed, 'stderr', b'')[-300:]}")
for folder in sorted(OUT.iterdir()):
    for path in folder.iterdir():
        if path.suffix == ".jpeg" and folder.name == "cairo":
            continue
        if path.stat().st_size > 2_097_152:
            path.unlink()
