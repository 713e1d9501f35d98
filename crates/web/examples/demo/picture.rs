//! Small landscapes as PNG files, drawn from nothing but their number.

use flate2::{Compression, Crc, write::ZlibEncoder};
use std::io::Write;

/// A landscape of `width` × `height` pixels; each seed has its own light and hills.
pub(crate) fn landscape(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let mut rows = Vec::with_capacity((width as usize * 3 + 1) * height as usize);
    for y in 0..height {
        rows.push(0);
        for x in 0..width {
            let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
            rows.extend(colour(u, v, f64::from(seed)).map(byte));
        }
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut png, *b"IHDR", &header);
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::default());
    deflated.write_all(&rows).expect("because writing to a Vec cannot fail");
    chunk(&mut png, *b"IDAT", &deflated.finish().expect("because writing to a Vec cannot fail"));
    chunk(&mut png, *b"IEND", &[]);
    png
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte before")]
fn byte(value: f64) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0) as u8
}

fn colour(u: f64, v: f64, seed: f64) -> [f64; 3] {
    let warmth = (seed * 1.7).sin() * 0.5 + 0.5;
    let sun = ((u - 0.2 - 0.6 * warmth).powi(2) * 2.2 + (v - 0.3).powi(2)).sqrt();
    let glow = (-sun * 7.0).exp();
    let mut pixel = [
        0.45 + 0.45 * warmth + glow * 0.5 - v * 0.1,
        0.60 + 0.10 * v + glow * 0.35,
        0.85 - 0.45 * warmth * v + glow * 0.1,
    ];
    for layer in 0..4_i32 {
        let depth = f64::from(layer);
        let ridge = 0.48
            + depth * 0.13
            + 0.06 * (u * (5.0 + depth * 2.0) + seed * 1.3 + depth * 2.0).sin()
            + 0.025 * (u * (17.0 + depth * 5.0) + seed).sin();
        if v > ridge {
            let dim = 0.75 - depth * 0.17;
            pixel = [dim * (0.42 + 0.3 * warmth), dim * 0.62, dim * (0.60 - 0.25 * warmth)];
        }
    }
    pixel
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    png.extend(u32::try_from(content.len()).expect("because the pictures are small").to_be_bytes());
    png.extend(kind);
    png.extend(content);
    let mut sum = Crc::new();
    sum.update(&kind);
    sum.update(content);
    png.extend(sum.sum().to_be_bytes());
}
