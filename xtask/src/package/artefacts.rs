//! What is released.

/// One program for users.
pub struct Artefact {
    pub package: &'static str,
    pub program: &'static str,
    /// Features of the package besides its default ones.
    pub features: &'static [&'static str],
}

/// The server can keep photos in an S3 bucket, as `cargo build --release` of the workspace has always built it.
pub const ARTEFACTS: &[Artefact] = &[
    Artefact {
        package: "server",
        program: "xunge-server",
        features: &["s3"],
    },
    Artefact {
        package: "terminal-core",
        program: "xunge",
        features: &[],
    },
];

impl Artefact {
    /// `--package … --features …`, for `cargo build` and `cargo tree` alike.
    pub fn selection(&self) -> Vec<String> {
        let mut args = vec!["--package".to_owned(), self.package.to_owned()];
        if !self.features.is_empty() {
            args.extend(["--features".to_owned(), self.features.join(",")]);
        }
        args
    }
}
