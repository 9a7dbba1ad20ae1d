-- A column of the key and a value of it, as its index compares them.
t.{column} OPERATOR({schema}.{operator}) {value}::{type}
