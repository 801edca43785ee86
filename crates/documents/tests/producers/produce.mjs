// The part of produce.py for what npm brings: a folder for each producer below the given one. Reads a PNG from its input.

import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";

const require = createRequire(process.cwd() + "/");
const out = process.argv[2];
const text = "Order 4711, paid 129.00 EUR on 2026-11-30.";
const rows = (count) => Array.from({ length: count }, (_, row) => [row, text, row * 1.1, new Date(2026, 10, 1 + (row % 28))]);
const png = fs.readFileSync(0);

function put(producer, name, content) {
  fs.mkdirSync(path.join(out, producer), { recursive: true });
  fs.writeFileSync(path.join(out, producer, name), Buffer.from(content));
}

const collected = (stream) =>
  new Promise((resolve, reject) => {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk)).on("end", () => resolve(Buffer.concat(chunks))).on("error", reject);
  });

const producers = {
  async exceljs(ExcelJs) {
    for (const count of [0, 1, 100, 3000]) {
      const book = new ExcelJs.Workbook();
      const sheet = book.addWorksheet("orders");
      rows(count).forEach((row) => sheet.addRow(row));
      sheet.getCell("F1").value = { text: "shop", hyperlink: "https://shop.example/" };
      sheet.getCell("G1").note = "checked";
      sheet.addImage(book.addImage({ buffer: png, extension: "png" }), "H2:J9");
      put("exceljs", `${count}.xlsx`, await book.xlsx.writeBuffer());
    }
  },
  xlsx(SheetJs) {
    for (const count of [1, 100, 3000]) {
      for (const [type, extension] of [["xlsx", "xlsx"], ["biff8", "xls"], ["biff5", "xls"]]) {
        for (const compression of [false, true]) {
          const book = SheetJs.utils.book_new();
          SheetJs.utils.book_append_sheet(book, SheetJs.utils.aoa_to_sheet(rows(count)), "orders");
          SheetJs.utils.book_append_sheet(book, SheetJs.utils.aoa_to_sheet([["empty"]]), "more");
          put("sheetjs", `${count}-${type}-${compression}.${extension}`, SheetJs.write(book, { type: "buffer", bookType: type, compression }));
        }
      }
    }
  },
  async "pdf-lib"({ PDFDocument }) {
    for (const useObjectStreams of [false, true]) {
      for (const pages of [1, 12]) {
        const document = await PDFDocument.create();
        for (let page = 0; page < pages; page++) document.addPage().drawText(`${text} ${page}`, { x: 50, y: 700 });
        await document.attach(Buffer.from("a,b\n"), "orders.csv", { mimeType: "text/csv" });
        put("pdf-lib", `${pages}-${useObjectStreams}.pdf`, await document.save({ useObjectStreams }));
      }
    }
  },
  async pdfkit(PdfDocument) {
    for (const options of [{}, { compress: false }, { pdfVersion: "1.7", userPassword: "secret" }, { ownerPassword: "owner" }, { subset: "PDF/A-1b" }]) {
      const document = new PdfDocument(options);
      const content = collected(document);
      document.text(text, { link: "https://shop.example/" }).addPage().image(png, 50, 50);
      document.end();
      const name = Object.entries(options).join("-").replace(/[^a-z0-9]/gi, "") || "plain";
      put("pdfkit", `${options.userPassword ? "refuse-" : ""}${name}.pdf`, await content);
    }
  },
  jspdf({ jsPDF }) {
    for (const compress of [false, true]) {
      const document = new jsPDF({ compress });
      document.text(text, 10, 10).addPage();
      document.textWithLink("shop", 10, 10, { url: "https://shop.example/" });
      put("jspdf", `${compress}.pdf`, document.output("arraybuffer"));
    }
  },
  async sharp(sharp) {
    for (const width of [1, 9, 333, 1500]) {
      const image = sharp(png).resize(width);
      for (const [name, options] of Object.entries({ plain: {}, progressive: { progressive: true }, moz: { mozjpeg: true }, full: { chromaSubsampling: "4:4:4", quality: 95 } })) {
        put("sharp", `${width}-${name}.jpg`, await image.clone().flatten().jpeg(options).toBuffer());
      }
      for (const [name, options] of Object.entries({ plain: {}, palette: { palette: true }, interlaced: { progressive: true }, best: { compressionLevel: 9 } })) {
        put("sharp", `${width}-${name}.png`, await image.clone().png(options).toBuffer());
      }
      put("sharp", `${width}-16.png`, await image.clone().toColourspace("rgb16").png().toBuffer());
    }
  },
  pngjs({ PNG }) {
    const image = PNG.sync.read(png);
    for (const colorType of [0, 2, 4, 6]) put("pngjs", `${colorType}.png`, PNG.sync.write(image, { colorType, inputColorType: 6 }));
  },
  "jpeg-js"(codec) {
    const { PNG } = require("pngjs");
    const image = PNG.sync.read(png);
    for (const quality of [1, 50, 100]) put("jpeg-js", `${quality}.jpg`, codec.encode(image, quality).data);
  },
  "upng-js"(Upng) {
    const { PNG } = require("pngjs");
    const image = PNG.sync.read(png);
    for (const colours of [0, 4, 256]) put("upng-js", `${colours}.png`, Buffer.from(Upng.encode([new Uint8Array(image.data).buffer], image.width, image.height, colours)));
  },
};

for (const [name, produce] of Object.entries(producers)) {
  let module;
  try {
    module = require(name);
  } catch (missing) {
    console.log(`${name}: left out, ${missing.code}`);
    continue;
  }
  await produce(module);
}
