//! Writes the Kotlin and Swift code of the library; `cargo xtask bindings` runs it.

fn main() {
    uniffi::uniffi_bindgen_main();
}
