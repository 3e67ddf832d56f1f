"""Dumps the ids of 200 awkward prompts under OpenAI's own merges, for CLIPTokenizerTests.

python3 generate_prompts.py bpe_simple_vocab_16e6.txt.gz     (the file lies in the PyPI package open-clip-torch)

Truth is transformers' CLIPTokenizer with the whole vocabulary of 49,408. The fixture keeps only the merges that can ever
take part in these prompts (their result occurs in a word), with their true order and ids: encoding is the same with them.
"""

import gzip
import json
import pathlib
import sys
import tempfile

from transformers import CLIPTokenizer

here = pathlib.Path(__file__).parent / "prompts"

PLAIN = [
    "", " ", "   \t\n ", ".", "!", "!!!", "a", "A", "z" * 200, "the " * 100, "cat", "CAT", "cAt", "cat cat", "cat,cat", "cat.cat",
    "a photo of a cat", "A Photo Of A Cat", "  leading", "trailing  ", "two  spaces", "tab\there", "new\nline", "carriage\r\nreturn",
    "an astronaut riding a horse on mars, oil on canvas, by greg rutkowski, trending on artstation, 8k, highly detailed",
    "masterpiece, best quality, 1girl, solo, long hair, (smile:1.2), [blurry], {bokeh}", "<lora:name:0.8> portrait", "((((nested))))",
    "don't", "DON'T", "they're we've I'm you'll he'd it's", "'s 't 're 've 'm 'll 'd", "'S 'T", "o'clock rock'n'roll", "''quotes''",
    "\u2018curly\u2019 \u201cquotes\u201d don\u2019t", "it's'nt", "isn't it", "y'all'd've", "cats' dogs's",
    "0", "1", "12", "123", "1234567890", "1st 2nd 3rd 4th", "3.14159", "1,000,000", "1e-5", "0xDEADBEEF", "v1.5", "512x512", "f/1.8 50mm",
    "\u00bd \u00bc \u00be", "x\u00b2 + y\u00b3", "\u2167 \u2173 \u216c", "\u0661\u0662\u0663",
    "\u0967\u0968\u0969", "\uff11\uff12\uff13", "10\u00b0C", "50%", "#1 @2 $3 &4",
    "caf\u00e9", "cafe\u0301", "na\u00efve", "nai\u0308ve", "r\u00e9sum\u00e9", "\u00c5ngstr\u00f6m",
    "A\u030angstro\u0308m", "\u00fcber", "\u00dcBER", "stra\u00dfe", "STRASSE",
    "\u1e9e", "\u00e6on \u0153uvre", "\u00d8re", "\u0142\u00f3d\u017a",
    "P\u0159\u00edli\u0161 \u017elu\u0165ou\u010dk\u00fd k\u016f\u0148",
    "\u011e\u011f\u0130\u0131\u015e\u015f", "\u0130stanbul", "ISTANBUL", "\u01c4 \u01c5 \u01c6",
    "\ufb01ne \ufb02ow", "e\u0301\u0323 e\u0323\u0301", "\u1e69 s\u0323\u0307 s\u0307\u0323",
    "Z\u0351\u036b\u0343\u036aa\u0302l\u0334g\u0329o\u0300", "\u212b \u00c5", "\u2126 \u03a9", "\u212a K",
    "\u0391\u03b8\u03ae\u03bd\u03b1", "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3", "\u03c3\u03c2\u03a3",
    "\u041c\u043e\u0441\u043a\u0432\u0430", "\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440",
    "\u0419 \u0438\u0306", "\u0407\u0436\u0430\u043a",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645", "\u05e9\u05dc\u05d5\u05dd",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\u10d2\u10d0\u10db\u10d0\u10e0\u10ef\u10dd\u10d1\u10d0", "\u12a0\u121b\u122d\u129b",
    "\u65e5\u672c\u8a9e", "\u65e5\u672c\u8a9e\u306e\u30c6\u30b9\u30c8", "\u4e2d\u6587\u6d4b\u8bd5", "\u7e41\u9ad4\u5b57",
    "\ud55c\uad6d\uc5b4", "\u1112\u1161\u11ab\u1100\u116e\u11a8", "\u30ab\u3099 \u30ac", "\uff8a\uff9f\uff70\uff83\uff68\uff70",
    "\uff21\uff22\uff23 \uff41\uff42\uff43", "\u3053\u3093\u306b\u3061\u306f\u3001\u4e16\u754c\u3002",
    "cat\u732b\u72acdog", "1\u732b2", "\u732b\uff01", "\u3000ideographic\u3000space", "\u00a0nbsp\u00a0",
    "a\u00a0b", "\u2003em\u2003space", "\u202fnarrow", "\u1680ogham", "line\u2028sep\u2029par", "\u0085nel",
    "zero\u200bwidth", "\u200bstart", "\ufeffbom", "soft\u00adhyphen", "\u200djoin", "rtl\u200f mark", "\u2066isolate\u2069",
    "\U0001f600", "\U0001f600\U0001f600\U0001f600", "I \u2764 NY", "\u2764\ufe0f",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f1e9\U0001f1ea",
    "\U0001f1fa\U0001f1f8\U0001f1eb\U0001f1f7", "\U0001f44d\U0001f3fd",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "1\ufe0f\u20e3 2\ufe0f\u20e3", "cat \U0001f431 dog \U0001f436", "cat\U0001f431dog", "\U0001f680!",
    "\u2660\u2665\u2666\u2663", "\u2192 \u2190 \u21d2", "\u221e \u2211 \u222b \u221a", "\u00a9 \u00ae \u2122",
    "\u20ac100 \u00a350 \u00a55", "\U0001d400\U0001d401", "\U00010400\U00010428", "\U0001e900",
    "\u0000nul", "bell\u0007", "\u001besc", "del\u007f", "\u009f", "\ufffd", "\ue000 private", "\U000f0000", "\u2ff0\u5973\u5b50",
    "snake_case", "kebab-case", "camelCase", "__init__", "a_b_c", "--flag",
    "path/to/file.png", "C:\\\\dir", "http://example.com/?q=1&r=2#x", "user@example.com",
    "<html>", "&amp;", "a<b>c", "<|startoftext|>", "<|endoftext|>", "x <|endoftext|> y",
    "<|startoftext|>a<|endoftext|>", "<|STARTOFTEXT|>", "<|endoftext", "|endoftext|>", "< |endoftext|>",
    "...", "\u2026", "wait...what?!", "?!?!", "-", "--", "\u2013 \u2014", "~~~", "***",
    "(a)(b)", "[a][b]", "a,b;c:d", "\"q\"", "`code`", "^_^", ":-)", "<3", "\\\\", "/\\\\/\\\\",
]


def prompts():
    made = list(dict.fromkeys(PLAIN))
    words = "portrait landscape sunset neon cyberpunk watercolor stra\u00dfe caf\u00e9 \u732b \U0001f431 42 don't".split(" ")
    # Long ones around the limit of 75 tokens, until there are 200.
    n = 20
    while len(made) < 200:
        made.append(", ".join(words[(i * 7 + n) % len(words)] for i in range(n)))
        n += 5
    return made[:200]


def main(path):
    lines = gzip.open(path).read().decode("utf-8").split("\n")
    merges = [tuple(line.split()) for line in lines[1:49152 - 256 - 2 + 1]]
    printable = list(range(ord("!"), ord("~") + 1)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    letters, extra = {b: chr(b) for b in printable}, 0
    for b in range(256):
        if b not in letters:
            letters[b] = chr(256 + extra)
            extra += 1
    tokens = list(letters.values())
    tokens += [letter + "</w>" for letter in tokens] + ["".join(pair) for pair in merges] + ["<|startoftext|>", "<|endoftext|>"]
    ids = {token: i for i, token in enumerate(tokens)}
    assert len(ids) == 49408

    def load(vocabulary, pairs):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
            (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in pairs) + "\n", encoding="utf-8")
            return CLIPTokenizer.from_pretrained(folder)

    reference, all_prompts = load(ids, merges), prompts()
    backend = reference.backend_tokenizer
    words = set()
    for prompt in all_prompts:
        for word, _ in backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(prompt)):
            words.add(word + "</w>")
    everything = "\n".join(words)
    kept = [pair for pair in merges if "".join(pair) in everything]
    keep = set(list(letters.values()) + [letter + "</w>" for letter in letters.values()] + ["<|startoftext|>", "<|endoftext|>"])
    # A merge's parts are merges' results themselves, or bytes.
    keep |= {"".join(pair) for pair in kept} | {part for pair in kept for part in pair}
    vocabulary = {token: i for token, i in ids.items() if token in keep}
    cases = []
    for prompt in all_prompts:
        found = reference(prompt, padding="max_length", truncation=True, max_length=77).input_ids
        end = found.index(49407, 1) + 1
        # What is left out is padding, unless the prompt itself writes the end out.
        cases.append({"prompt": prompt, "ids": found if any(i != 49407 for i in found[end:]) else found[:end]})
    here.mkdir(exist_ok=True)
    (here / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (here / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in kept) + "\n", encoding="utf-8")
    (here / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"}))
    (here / "cases.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(len(cases), "prompts,", len(kept), "merges,", len(vocabulary), "tokens")


main(sys.argv[1])
