//! Compiles `proto/`: message types, clients and servers, validators, the request-id accessor of every mutating
//! request, and one descriptor set for reflection. Fails where a method does not declare who may call it.

use std::{env, error::Error, fmt::Write as _, fs, path::Path, path::PathBuf};

use prost::Message as _;
use prost_reflect::{DescriptorPool, ReflectMessage as _, Value};
use protox::file::{ChainFileResolver, DescriptorSetFileResolver, GoogleFileResolver, IncludeFileResolver};
use tonic_prost_build::FileDescriptorSet;

const ACCESS: &str = "spectra.common.v1.access";

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script where to write by the environment")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut resolver = ChainFileResolver::new();
    resolver.add(IncludeFileResolver::new("proto".into()));
    resolver
        .add(DescriptorSetFileResolver::decode(prost_protovalidate_types::DESCRIPTOR_POOL.encode_to_vec().as_slice())?);
    resolver.add(GoogleFileResolver::new());

    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    for file in proto_files(Path::new("proto/spectra"))? {
        compiler.open_file(file.strip_prefix("proto")?)?;
    }
    // Encoded by protox itself: a detour through prost-types would drop the custom options.
    let encoded = compiler.encode_file_descriptor_set();
    let pool = DescriptorPool::decode(encoded.as_slice())?;
    require_access(&pool)?;

    fs::write(out.join("descriptors.bin"), &encoded)?;
    fs::write(out.join("requests.rs"), request_impls(&pool)?)?;
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .include_file("packages.rs")
        .btree_map(".")
        .extern_path(".buf.validate", "::prost_protovalidate_types")
        .compile_fds_with_config(FileDescriptorSet::decode(encoded.as_slice())?, config)?;
    prost_protovalidate_build::Builder::new()
        .file_descriptor_set_bytes(encoded)
        .extern_path(".buf.validate", "::prost_protovalidate_types")
        .fail_on_runtime_only(true)
        .compile()?;
    Ok(())
}

fn proto_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(proto_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Every method of ours says who may call it.
fn require_access(pool: &DescriptorPool) -> Result<(), Box<dyn Error>> {
    let access = pool.get_extension_by_name(ACCESS).ok_or("the access option is not declared")?;
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let options = method.options();
        let Value::Message(rule) = options.get_extension(&access).into_owned() else {
            return Err(format!("{ACCESS} is not a message").into());
        };
        if !options.has_extension(&access)
            || rule.descriptor().oneofs().all(|oneof| oneof.fields().all(|field| !rule.has_field(&field)))
        {
            return Err(format!("{} does not declare {ACCESS}", method.full_name()).into());
        }
    }
    Ok(())
}

/// `Mutation` for every request that carries a request_id, `List` for every one that carries a page_token, `Watch` for
/// every one that carries a resume_token.
fn request_impls(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let mut code = String::new();
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let request = method.input();
        let has = |field| request.get_field_by_name(field).is_some();
        let path = format!("{}::{}", request.package_name().replace('.', "::"), request.name());
        let name = format!("{}/{}", method.parent_service().full_name(), method.name());
        if request.fields().len() == 0 {
            // Without a field there is no rule, and the validators' generator leaves the message out.
            writeln!(
                code,
                "impl prost_protovalidate::Validate for {path} {{\n\
                 \x20   fn validate(&self) -> Result<(), prost_protovalidate::ValidationError> {{ Ok(()) }}\n\
                 }}"
            )?;
        }
        if has("request_id") {
            writeln!(
                code,
                "impl crate::Mutation for {path} {{\n\
                 \x20   const METHOD: &'static str = \"{name}\";\n\
                 \x20   fn request_id(&self) -> &str {{ &self.request_id }}\n\
                 \x20   fn without_request_id(&self) -> Self {{ Self {{ request_id: String::new(), ..self.clone() }} }}\n\
                 }}"
            )?;
        }
        if has("resume_token") {
            let filter = if has("filter") { "&self.filter" } else { "\"\"" };
            let rest = if request.fields().len() > 1 { ", ..self.clone()" } else { "" };
            writeln!(
                code,
                "impl crate::Watch for {path} {{\n\
                 \x20   const METHOD: &'static str = \"{name}\";\n\
                 \x20   fn filter(&self) -> &str {{ {filter} }}\n\
                 \x20   fn resume_token(&self) -> &str {{ &self.resume_token }}\n\
                 \x20   fn without_resume_token(&self) -> Self {{ Self {{ resume_token: String::new(){rest} }} }}\n\
                 }}"
            )?;
        }
        if has("page_token") {
            writeln!(
                code,
                "impl crate::List for {path} {{\n\
                 \x20   const METHOD: &'static str = \"{name}\";\n\
                 \x20   fn page_size(&self) -> i32 {{ self.page_size }}\n\
                 \x20   fn page_token(&self) -> &str {{ &self.page_token }}\n\
                 \x20   fn filter(&self) -> &str {{ &self.filter }}\n\
                 \x20   fn order_by(&self) -> &str {{ &self.order_by }}\n\
                 \x20   fn skip(&self) -> i32 {{ self.skip }}\n\
                 \x20   fn without_page(&self) -> Self {{\n\
                 \x20       Self {{ page_size: 0, page_token: String::new(), skip: 0, ..self.clone() }}\n\
                 \x20   }}\n\
                 }}"
            )?;
        }
    }
    Ok(code)
}
