//! The macro for enums of the wire.

/// Defines an enum whose variants are fixed values on the wire.
macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident ($description:literal) {
        $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The value on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Invalid;

            fn from_str(word: &str) -> Result<Self, $crate::Invalid> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err($crate::Invalid::new(concat!("must be one of", $(" ", $word),*))),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        $crate::ids::serde_as_text!($name);
        $crate::schema::schema!($name, $crate::schema::one_of([$($word),*]), $description);
    };
}
pub(crate) use wire_enum;
