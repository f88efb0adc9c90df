//! How shadow runs are judged.
