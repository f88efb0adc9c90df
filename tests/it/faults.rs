//! What goes wrong around the daemon, and what it makes of it: nothing lost, nothing invented, and said.

mod audits;
mod crashes;
mod damage;
mod limits;
mod roots;
mod space;
