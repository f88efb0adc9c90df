//! What those who work for deploys are given: the world that they work on. It does nothing.

use std::sync::Arc;

use super::classes::Classes;
use crate::ports::{After, Checks, Inputs, Pack, Shadow, Shadows, Stage};

/// What a deploy needs of the world. Cheap to clone.
#[derive(Clone)]
pub struct Works {
    pub stage: Arc<dyn Stage>,
    pub checks: Arc<dyn Checks>,
    pub pack: Arc<dyn Pack>,
    pub classes: Arc<Classes>,
    pub after: Arc<dyn After>,
    pub shadow: Arc<dyn Shadow>,
    pub shadows: Arc<dyn Shadows>,
    pub inputs: Arc<dyn Inputs>,
}
