import Testing
import Worker

@Suite("The line that says why a program failed")
struct ErrorLineTests {
    @Test(
        "the exception, else the last line that speaks of an error, else the last line",
        arguments: [
            (
                [
                    "loading", "Traceback (most recent call last):", "  File \"t.py\", line 3, in <module>",
                    "    main()",
                    "ValueError: no captions in /data/cat",
                ], "ValueError: no captions in /data/cat"
            ),
            // Of a chain the last counts; of a launcher's own the one before.
            (
                [
                    "Traceback (most recent call last):", "  File \"a\"", "KeyError: 'x'", "",
                    "During handling of the above exception, another exception occurred:", "",
                    "Traceback (most recent call last):", "  File \"b\"", "RuntimeError: bad x",
                ], "RuntimeError: bad x"
            ),
            (
                [
                    "Traceback (most recent call last):", "  File \"train.py\"", "FileNotFoundError: vae.safetensors",
                    "Traceback (most recent call last):", "  File \"accelerate\"",
                    "subprocess.CalledProcessError: Command '['python']' returned non-zero exit status 1.",
                ],
                "FileNotFoundError: vae.safetensors"
            ),
            (
                [
                    "[rank0]: Traceback (most recent call last):", "[rank0]:   File \"t.py\"",
                    "[rank0]: ValueError: bad",
                ], "ValueError: bad"
            ),
            (
                ["step 1 loss 0.2", "train.sh: line 3: nosuch: command not found", "bye"],
                "train.sh: line 3: nosuch: command not found"
            ),
            (
                [
                    "OpenBLAS 0.3", "threads 1",
                    "radiata: /d/1_cat/a.txt: an empty caption; write one or remove the file",
                ],
                "radiata: /d/1_cat/a.txt: an empty caption; write one or remove the file"
            ),
            (
                ["usage: t.py [-h]", "t.py: error: unrecognized arguments: --x"],
                "t.py: error: unrecognized arguments: --x"
            ),
            (["one", "two"], "two"), (["one", "  "], "one"),
        ] as [([String], String)])
    func found(lines: [String], wanted: String) { #expect(ErrorLine.find(lines) == wanted) }

    @Test("an empty log has none") func empty() { #expect(ErrorLine.find([]) == nil && ErrorLine.find([" "]) == nil) }
}
