//! Who logs in to databases, directories and desktops. One file each.

pub mod ldap;
mod messages;
pub mod mongodb;
pub mod mssql;
pub mod mysql;
pub mod pgsql;
pub mod rdp;
pub mod redis;
pub mod vnc;
