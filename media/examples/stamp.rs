//! Runs one photo through the pipeline, to inspect the result by eye: `cargo run -p media --example stamp -- IN OUT
//! [LINE...]`.

use std::error::Error;

use media::{PhotoLimits, PrepareOptions, Stamp};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err("usage: stamp IN OUT [LINE...]".into());
    };
    let mut lines: Vec<String> = arguments.collect();
    if lines.is_empty() {
        lines = vec![
            "2026-11-22 08:15:03 本机时间".into(),
            "220104-05-03-17 桂林路街道 ±8 米".into(),
        ];
    }
    let bytes = std::fs::read(from)?;
    let limits = PhotoLimits::default();
    let info = media::inspect(&bytes, &limits)?;
    let photo = media::prepare(&bytes, &limits, &Stamp { lines }, &PrepareOptions::default())?;
    std::fs::write(&to, &photo.jpeg)?;
    std::fs::write(format!("{to}.thumbnail.jpg"), &photo.thumbnail)?;
    println!("in:  {info:?}, taken {:?}, at {:?}", photo.taken_at, photo.gps);
    println!(
        "out: {} x {}, {} bytes, thumbnail {} bytes",
        photo.width,
        photo.height,
        photo.jpeg.len(),
        photo.thumbnail.len()
    );
    Ok(())
}
