//! Views that more than one page uses, and the functions they share.
#![expect(clippy::must_use_candidate, reason = "a component is called by `view!`, which uses what it returns")]

pub mod address;
pub mod by_session;
pub mod device_name;
pub mod duration;
pub mod error_view;
pub mod fields;
pub mod form;
pub mod loader;
pub mod local_time;
pub mod page_data;
pub mod page_load;
pub mod password_field;
pub mod private_area;
pub mod return_to;
pub mod site_header;
pub mod strength_meter;
pub mod text_area;
