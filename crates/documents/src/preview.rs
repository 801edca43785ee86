//! A picture of a page: what an operator sees without a viewer on the machine.

mod picture;
mod sheet;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use hayro_syntax::Pdf;
use image::{DynamicImage, ImageFormat, RgbaImage};
use rebuttal_protocol::{FileFormat, InvalidFile};

use crate::pdf;

/// Longest side of a preview; a page of paper is readable with 1,000.
pub const PREVIEW_MAX_PIXELS: u16 = 2_000;
/// Largest enlargement of a page, so that a tiny one is not drawn at any price.
const SCALE_MAX: f32 = 4.0;

pub(crate) fn render(
    content: &[u8],
    format: FileFormat,
    page: usize,
    width: u16,
) -> Result<Vec<u8>, InvalidFile> {
    let width = width.clamp(1, PREVIEW_MAX_PIXELS);
    let picture = match format {
        FileFormat::Jpg | FileFormat::Jpeg => picture::jpeg(content, format, width),
        FileFormat::Png => picture::png(content, width),
        FileFormat::Pdf => draw(&pdf::open(content)?, format, page, width),
        FileFormat::Xls | FileFormat::Xlsx => {
            draw(&sheet::document(content, format, page)?, format, 0, width)
        }
    }?;
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).map_err(|_| not_shown(format))?;
    Ok(png.into_inner())
}

const fn not_shown(format: FileFormat) -> InvalidFile {
    InvalidFile::damaged(format, "it cannot be shown")
}

/// Draws a page of a document on white.
fn draw(document: &Pdf, format: FileFormat, page: usize, width: u16) -> Result<DynamicImage, InvalidFile> {
    let page = document.pages().get(page).ok_or(InvalidFile::empty(format, "page of this number"))?;
    let (page_width, page_height) = page.render_dimensions();
    let scale =
        (f32::from(width) / page_width).min(f32::from(PREVIEW_MAX_PIXELS) / page_height).min(SCALE_MAX);
    // A page much longer than wide would have no pixel of width left.
    let [x_scale, y_scale] = [page_width, page_height].map(|side| scale.max(1.0 / side));
    let settings = PixmapSettings { x_scale, y_scale, bg_color: WHITE };
    let interpreter = InterpreterSettings::default();
    let pixels =
        hayro::render(page, &RenderCache::new(), &interpreter, &RenderSettings::default(), &settings);
    let size = (pixels.width().into(), pixels.height().into());
    let picture = RgbaImage::from_raw(size.0, size.1, pixels.data_as_u8_slice().to_vec());
    picture.map(DynamicImage::from).ok_or(not_shown(format))
}
