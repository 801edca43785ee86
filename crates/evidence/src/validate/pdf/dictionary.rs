//! A PDF dictionary, as far as a trailer needs it: the values of a few names at its top level.

/// Longest dictionary that is read; the longest real ones are those of cross-reference streams, because of their index.
const DICTIONARY_MAX_BYTES: usize = 256 * 1024;

/// The values of a trailer, or of a cross-reference stream's dictionary.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Trailer {
    /// The number of the root object.
    pub(super) root: Option<usize>,
    pub(super) encrypted: bool,
    pub(super) cross_reference_stream: bool,
    /// The offset of the section before this one.
    pub(super) previous: Option<usize>,
    /// The offset of the cross-reference stream that supplements a table.
    pub(super) hybrid: Option<usize>,
    /// Whether this is the first object of a linearized file, rather than a trailer.
    pub(super) linearized: bool,
    /// The length of a linearized file.
    pub(super) length: Option<usize>,
}

impl Trailer {
    /// Reads the dictionary that begins at an offset, white space skipped; `None` if none does or it has no end.
    /// Also returns how many bytes were read.
    pub(super) fn read(content: &[u8], at: usize) -> (Option<Self>, usize) {
        let end = at.saturating_add(DICTIONARY_MAX_BYTES).min(content.len());
        let mut lexer = Lexer::new(content.get(..end).unwrap_or_default(), at);
        let trailer = Self::parse(&mut lexer);
        (trailer, lexer.at().saturating_sub(at) + 1)
    }

    fn parse(lexer: &mut Lexer<'_>) -> Option<Self> {
        if lexer.token()? != PdfToken::Open(b'<') {
            return None;
        }
        let mut trailer = Self::default();
        let mut token = lexer.token()?;
        loop {
            match token {
                PdfToken::Close(b'>') => return Some(trailer),
                PdfToken::Name(name) => {
                    let value = lexer.token()?;
                    let direct;
                    (direct, token) = lexer.rest_of_value(&value)?;
                    trailer.note(&name, &value, direct);
                }
                // A surplus value; viewers skip it.
                PdfToken::Open(_) => (_, token) = lexer.rest_of_value(&token)?,
                _ => token = lexer.token()?,
            }
        }
    }

    fn note(&mut self, name: &[u8], value: &PdfToken, direct: bool) {
        let offset = match value {
            PdfToken::Integer(number) if direct => Some(*number),
            _ => None,
        };
        let reference = match value {
            PdfToken::Integer(number) if !direct => Some(*number),
            _ => None,
        };
        match name {
            b"Root" => self.root = reference,
            // Null counts as absent.
            b"Encrypt" => self.encrypted = *value != PdfToken::Null,
            b"Type" => self.cross_reference_stream = *value == PdfToken::Name(b"XRef".to_vec()),
            b"Prev" => self.previous = offset,
            b"XRefStm" => self.hybrid = offset,
            b"Linearized" => self.linearized = true,
            b"L" => self.length = offset,
            _ => {}
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PdfToken {
    /// Escapes resolved, without the slash.
    Name(Vec<u8>),
    Integer(usize),
    Null,
    /// The beginning of a dictionary, `<`, or of an array, `[`.
    Open(u8),
    /// The end of a dictionary, `>`, or of an array, `]`.
    Close(u8),
    /// A string, another number, any other word.
    Other,
}

/// Reads tokens; never beyond its bytes, and always forward.
pub(super) struct Lexer<'a> {
    content: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(content: &'a [u8], at: usize) -> Self {
        Self { content, at }
    }

    /// The offset of the next token.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    fn peek(&self) -> Option<u8> {
        self.content.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'%' => while !matches!(self.next(), None | Some(b'\r' | b'\n')) {},
                _ if is_space(byte) => self.at += 1,
                _ => return,
            }
        }
    }

    /// Takes a keyword if it is next, after white space.
    pub(super) fn keyword(&mut self, word: &[u8]) -> bool {
        self.skip_space();
        let here = self.content.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if here {
            self.at += word.len();
        }
        here
    }

    /// Takes a non-negative integer if one is next.
    pub(super) fn integer(&mut self) -> Option<usize> {
        match self.token()? {
            PdfToken::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// Takes the next token; `None` at the end, also within a token.
    pub(super) fn token(&mut self) -> Option<PdfToken> {
        self.skip_space();
        match self.next()? {
            b'/' => Some(PdfToken::Name(self.name())),
            b'(' => self.string(),
            b'<' if self.peek() == Some(b'<') => self.second(PdfToken::Open(b'<')),
            b'<' => {
                while self.next()? != b'>' {}
                Some(PdfToken::Other)
            }
            b'>' if self.peek() == Some(b'>') => self.second(PdfToken::Close(b'>')),
            b'[' => Some(PdfToken::Open(b'[')),
            b']' => Some(PdfToken::Close(b']')),
            first => Some(self.word(first)),
        }
    }

    fn second(&mut self, token: PdfToken) -> Option<PdfToken> {
        self.at += 1;
        Some(token)
    }

    fn name(&mut self) -> Vec<u8> {
        let mut name = Vec::new();
        while let Some(byte) = self.peek().filter(|byte| is_regular(*byte)) {
            self.at += 1;
            let escaped = (byte == b'#').then(|| self.escaped()).flatten();
            name.push(escaped.unwrap_or(byte));
        }
        name
    }

    /// The byte of two hex digits after a `#`.
    fn escaped(&mut self) -> Option<u8> {
        let digits = str::from_utf8(self.content.get(self.at..self.at + 2)?).ok()?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        self.at += 2;
        Some(byte)
    }

    fn string(&mut self) -> Option<PdfToken> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next()? {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => drop(self.next()),
                _ => {}
            }
        }
        Some(PdfToken::Other)
    }

    fn word(&mut self, first: u8) -> PdfToken {
        let start = self.at - 1;
        if is_regular(first) {
            while self.peek().is_some_and(is_regular) {
                self.at += 1;
            }
        }
        let word = self.content.get(start..self.at).unwrap_or_default();
        let number = str::from_utf8(word).ok().and_then(|word| word.parse().ok());
        match (word, number) {
            (b"null", _) => PdfToken::Null,
            (_, Some(number)) => PdfToken::Integer(number),
            _ => PdfToken::Other,
        }
    }

    /// Skips the rest of a value whose first token was taken: a nested dictionary or array, the `0 R` of a reference.
    /// Returns whether nothing was left, and the token that follows the value.
    fn rest_of_value(&mut self, first: &PdfToken) -> Option<(bool, PdfToken)> {
        let mut depth = usize::from(matches!(first, PdfToken::Open(_)));
        let mut direct = depth == 0;
        // Directly after a name, the end of the dictionary is not a value.
        if matches!(first, PdfToken::Close(b'>')) {
            return Some((false, first.clone()));
        }
        loop {
            let token = self.token()?;
            match token {
                PdfToken::Close(b'>') | PdfToken::Name(_) if depth == 0 => return Some((direct, token)),
                PdfToken::Open(_) => depth += 1,
                PdfToken::Close(_) => depth = depth.saturating_sub(1),
                _ => {}
            }
            direct = false;
        }
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

const fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}
