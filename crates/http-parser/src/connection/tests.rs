//! Scenarios with a clock of their own.
