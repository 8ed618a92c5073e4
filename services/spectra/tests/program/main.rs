//! The program as a person runs it: all of it in one process, and a process for each service.

mod mesh;
mod support;
mod up;
