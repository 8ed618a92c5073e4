//! What the contract says of itself.

use std::collections::BTreeMap;

use contract::DESCRIPTOR_POOL;
use prost_reflect::FileDescriptor;

/// The contract's comments, by file and place.
pub(super) struct Comments(BTreeMap<(String, Vec<i32>), String>);

impl Comments {
    pub(super) fn read() -> Self {
        let mut comments = BTreeMap::new();
        for file in DESCRIPTOR_POOL.files() {
            let proto = file.file_descriptor_proto();
            for location in proto.source_code_info.iter().flat_map(|info| &info.location) {
                if let Some(comment) = &location.leading_comments {
                    let lines: Vec<_> = comment.lines().map(str::trim).collect();
                    comments.insert((file.name().to_owned(), location.path.clone()), lines.join(" ").trim().to_owned());
                }
            }
        }
        Self(comments)
    }

    pub(super) fn of(&self, file: FileDescriptor, path: &[i32]) -> String {
        self.0.get(&(file.name().to_owned(), path.to_vec())).cloned().unwrap_or_default()
    }
}
