import RunSpec
import SweepFile
import SweepModel
import Testing

@Suite("Faults")
struct FaultTests {
    /// A group of one line in line 6, starting at column 5.
    static let groups: [(String, Int, String)] = [
        ("{ list: [ { learning_rate: 1 } ] }", 17, "unknown parameter 'learning_rate'; did you mean 'lr'?"),
        ("{ list: [ { wieght_decay: 1 } ] }", 17, "did you mean 'weight_decay'?"),
        ("{ list: [ { lr: \"5e-4\" } ] }", 21, "lr is the text '5e-4'; wanted a number"),
        ("{ list: [ { lr: 1:30 } ] }", 21, "lr is the text '1:30'"),
        ("{ list: [ { train_norm: on } ] }", 29, "train_norm is the text 'on'; wanted true or false"),
        ("{ list: [ { lr: -1 } ] }", 21, "lr is -1; wanted above 0"),
        ("{ list: [ { lr: .nan } ] }", 21, "wanted a finite number"),
        ("{ list: [ { dim: 9007199254740994 } ] }", 22, "beyond 2^53"),
        ("{ list: [ { dim: [4, 8] } ] }", 22, "a list, which is an axis"),
        ("{ list: [ { layers: attn } ] }", 25, "'attn' is no layer preset"),
        ("{ list: [ { algorithm: lohaa } ] }", 28, "did you mean 'loha'?"),
        ("{ list: [ { betas: [0.9] } ] }", 24, "betas has 1 entries"),
        ("{ list: [] }", 13, "list is empty"),
        ("{ list: { lr: 1 } }", 13, "list is a map; wanted a list"),
        ("{ vary: [ { lr: 1 } ] }", 5, "needs a 'baseline'"),
        ("{ baseline: {}, vary: [ { lr: [] } ] }", 35, "lr is an empty list"),
        ("{ baseline: {}, vary: [ {} ] }", 29, "an entry of vary is empty"),
        ("{ grid: {} }", 13, "grid is empty"),
        ("{ grid: { lr: [1, x] } }", 23, "lr is the text 'x'"),
        (
            "{ grid: { dim: { value: [1], when: { lr: 1 } }, lr: [1] } }", 22,
            "unknown key 'value' in the axis dim; did you mean 'values'?"
        ),
        ("{ grid: { dim: { values: [1], when: { factor: 1 } } } }", 43, "'factor', which nothing in this group sets"),
        ("{ grid: { dim: { values: [1], when: {} } } }", 41, "when is empty"),
        (
            "{ grid: { dim: { values: [1], when: { alpha: 1 } }, alpha: { values: [1], when: { dim: 1 } } } }", 41,
            "need each other in a circle"
        ),
        ("{ grid: { zip: [ { lr: [1, 2], dim: [1] } ] } }", 22, "same length: lr has 2, dim has 1"),
        ("{ grid: { lr: [1], zip: [ { lr: [1], dim: [1] } ] } }", 31, "lr is on two axes"),
        ("{ list: [ { lr: 1 } ], derive: { alpha: dim ^ 2 } }", 45, "'dim ^ 2' is no arithmetic"),
        (
            "{ list: [ { lr: 1 } ], derive: { alpha: dmi / 2 } }", 45,
            "'dmi', which is no parameter; did you mean 'dim'?"
        ),
        ("{ list: [ { dim: 8 } ], derive: { alpha: 1 / (dim - 8) } }", 46, "has no finite value for dim = 8"),
        ("{ list: [ { dim: 8 } ], derive: { layers: dim } }", 39, "derive computes numbers"),
        ("{ list: [ { dim: 8 } ], derive: { alpha: alpha / 2 } }", 46, "needs itself"),
        (
            "{ list: [ { lr: 1 } ], exclude: [ { algorithm: loha } ] }", 41,
            "'algorithm', which nothing in this group sets"
        ),
        ("{ list: [ { lr: 1 } ], grid: { dim: [1] } }", 5, "a group has grid and list"),
        ("{ list: [ { lr: 1 } ], gird: 1 }", 28, "unknown key 'gird' in a group; did you mean 'grid'?"),
        ("{ name: x }", 5, "needs a baseline, a vary, a grid, a list or a sample"),
        ("{ list: [ { lr: 1 } ], space: {} }", 28, "'space' belongs to a group with 'sample'"),
        ("{ sample: { count: 2 } }", 5, "needs a 'space'"),
        ("{ sample: {}, space: { lr: { uniform: [1, 2] } } }", 15, "sample needs a 'count'"),
        ("{ sample: { method: sobl, count: 2 }, space: { lr: { uniform: [1, 2] } } }", 25, "did you mean 'sobol'?"),
        ("{ sample: { count: 0 }, space: { lr: { uniform: [1, 2] } } }", 24, "wanted at least 1"),
        ("{ sample: { count: 2 }, space: { lr: [1, 2] } }", 42, "wanted one of {log: [a, b]}"),
        ("{ sample: { count: 2 }, space: { lr: { log: [2, 1] } } }", 49, "the first end must be the lower one"),
        ("{ sample: { count: 2 }, space: { weight_decay: { log: [0, 1] } } }", 59, "a logarithm needs ends above 0"),
        ("{ sample: { count: 2 }, space: { dim: { int: [1, 2.5] } } }", 54, "dim is 2.5; wanted an integer"),
        ("{ sample: { count: 2 }, space: { lr: { normal: [1, 2] } } }", 44, "unknown key 'normal'"),
        ("{ sample: { count: 2 }, space: { dim: { choice: [] } } }", 53, "wanted a list of values"),
        ("{ list: [ { algorithm: loha, dropout: 0.1 } ] }", 5, "dropout acts on the rank activations of lora only"),
        ("{ list: [ { algorithm: dylora, dim: 6 } ] }", 5, "not a multiple of block_size 4"),
        ("{ list: [ { seed: 3 } ] }", 17, "'seed' is set here and 'seeds' in line 4"),
        ("just text", 5, "a group is the text 'just text'; wanted a map"),
        ("{ grid: { lr: [1], dim: { values: [1] , when: { lr: x } } } }", 57, "lr is the text 'x'"),
    ]

    @Test("each fault of a group is reported at its place", arguments: groups)
    func group(text: String, column: Int, message: String) {
        let error = #expect(throws: SweepFileError.self) { try read(core(text)) }
        let fault = error?.faults.first
        #expect(error?.faults.count == 1, "\(error?.description ?? "")")
        #expect(fault?.message.contains(message) == true, "\(fault?.message ?? "")")
        #expect(fault?.mark == SourceMark(line: 6, column: column), "\(fault?.description ?? "")")
        #expect(fault?.description.hasPrefix("s.yaml:6:\(column): ") == true)
    }

    /// Lines of a file, the place of the fault, and what it says.
    static let tops: [(String, SourceMark, String)] = [
        ("name: Big Sweep", SourceMark(line: 1, column: 7), "name is 'Big Sweep'; wanted 1 to 100 of a-z"),
        ("name: t\nseeds: []", SourceMark(line: 2, column: 8), "seeds is an empty list"),
        ("name: t\nseeds: [1, 1]", SourceMark(line: 2, column: 8), "seeds has 1 twice"),
        ("name: t\nseeds: [1.5]", SourceMark(line: 2, column: 9), "wanted an integer"),
        ("name: t\nseeds: [-1]", SourceMark(line: 2, column: 9), "wanted at least 0"),
        ("name: t\ncheckpoints: { epoch: [1] }", SourceMark(line: 2, column: 16), "did you mean 'epochs'?"),
        ("name: t\ncheckpoints: { epochs: [0] }", SourceMark(line: 2, column: 25), "wanted at least 1"),
        (
            "name: t\ncheckpoints: { state_every: soon }", SourceMark(line: 2, column: 29),
            "wanted a time such as 30s, 5m or 2h"
        ),
        ("name: t\nevaluate: { prompts: [trian] }", SourceMark(line: 2, column: 23), "did you mean 'train'?"),
        ("name: t\nevaluate: { prompts: [] }", SourceMark(line: 2, column: 22), "evaluate.prompts is empty"),
        ("name: t\nevaluate: { holdout: 0 }", SourceMark(line: 2, column: 22), "wanted a share above 0"),
        ("name: t\nevaluate: { holdout: 60 % }", SourceMark(line: 2, column: 22), "is '60 %'; wanted a share"),
        ("name: t\nevaluate: { holdout: 20 }", SourceMark(line: 2, column: 22), "such as 20 % or 0.2"),
        ("name: t\nevaluate: { holdout: some }", SourceMark(line: 2, column: 22), "wanted a share"),
        ("name: t\nevaluate: { holdout: 2%0% }", SourceMark(line: 2, column: 22), "wanted a share"),
        ("name: t\nevaluate: { prompts: [train, holdout] }", SourceMark(line: 2, column: 22), "nothing is held out"),
        (
            "name: t\nevaluate: { prompts: [holdout], holdout: 0.1 }", SourceMark(line: 2, column: 22),
            "names 'holdout' alone"
        ),
        ("name: t\nevaluate: { metrics: [] }", SourceMark(line: 2, column: 22), "evaluate.metrics is empty"),
        (
            "name: t\nevaluate: { metrics: [paired_fidelty] }", SourceMark(line: 2, column: 22),
            "did you mean paired_fidelity?"
        ),
        ("name: t\nevaluate: { fit: squeeze }", SourceMark(line: 2, column: 18), "accepted: crop, resize, pad"),
        ("name: t\nevaluate: { prompt_set: paper }", SourceMark(line: 2, column: 25), "accepted: plain, lycoris"),
        ("name: t\nevaluate: { aesthetic: a }", SourceMark(line: 2, column: 13), "name the pair too"),
        ("name: t\nevaluate: { sampler: plms }", SourceMark(line: 2, column: 22), "accepted: ddim"),
        ("name: t\nevaluate: { images: 0 }", SourceMark(line: 2, column: 21), "wanted at least 1"),
        ("name: t\nevaluate: { guidance: -1 }", SourceMark(line: 2, column: 23), "wanted a number of at least 0"),
        ("name: t\nretries: { lost: 3 }", SourceMark(line: 2, column: 12), "unknown key 'lost' in retries"),
        ("name: t\nretries: { crash: -1 }", SourceMark(line: 2, column: 19), "wanted at least 0"),
        ("name: t\ntimeout: 2 fortnights", SourceMark(line: 2, column: 10), "wanted a time"),
        ("name: t\nrequires: { memory: 8 GBs }", SourceMark(line: 2, column: 21), "wanted a size such as 8GB"),
        ("name: t\nrequires: { gpu: 1 }", SourceMark(line: 2, column: 18), "how many: requires.gpus"),
        ("name: t\nrequires: { gpu: 'A6000|' }", SourceMark(line: 2, column: 18), "wanted parts of names"),
        ("name: t\nrequires: { gpu_memory: much }", SourceMark(line: 2, column: 25), "wanted a size such as 8GB"),
        ("name: t\nrequires: { gpus: 0, gpu: A6000 }", SourceMark(line: 2, column: 19), "mean nothing"),
        ("name: t\nrequires: { gpuss: 1 }", SourceMark(line: 2, column: 13), "did you mean 'gpus'?"),
        ("name: t\nkeep: { best: { count: 2 } }", SourceMark(line: 2, column: 15), "keep.best needs a 'metric'"),
        ("name: t\npriority: high", SourceMark(line: 2, column: 11), "wanted an integer"),
        ("name: t\ntrainers: core", SourceMark(line: 2, column: 1), "did you mean 'trainer'?"),
        (
            "name: t\ntrainer: kohya", SourceMark(line: 2, column: 10),
            "neither 'core' nor a profile; looked for /sweeps/kohya.yaml"
        ),
        ("name: t\ndefaults: [1]", SourceMark(line: 2, column: 11), "defaults is a list; wanted a map"),
        ("name: t\nbase: [b]", SourceMark(line: 2, column: 7), "base is a list; wanted text"),
    ]

    @Test("each fault outside the groups is reported at its place", arguments: tops)
    func top(text: String, mark: SourceMark, message: String) {
        let rest = ["base: b", "data: d", "groups: [ { list: [ { lr: 1 } ] } ]"].filter { line in
            !text.contains("\n" + line.prefix(5))
        }
        let error = #expect(throws: SweepFileError.self) { try read(text + "\n" + rest.joined(separator: "\n")) }
        #expect(error?.faults.count == 1, "\(error?.description ?? "")")
        #expect(error?.faults.first?.message.contains(message) == true, "\(error?.description ?? "")")
        #expect(error?.faults.first?.mark == mark, "\(error?.description ?? "")")
    }

    @Test(
        "what is missing is named",
        arguments: [
            ("base: b\ndata: d\ngroups: [ { list: [ { lr: 1 } ] } ]", "'name' is missing"),
            ("name: t\ndata: d\ngroups: [ { list: [ { lr: 1 } ] } ]", "'base' is missing"),
            ("name: t\nbase: b\ngroups: [ { list: [ { lr: 1 } ] } ]", "'data' is missing"),
            ("name: t\nbase: b\ndata: d", "'groups' is missing"),
            ("name: t\nbase: b\ndata: d\ngroups: []", "groups is empty"),
        ])
    func missing(text: String, message: String) {
        let error = #expect(throws: SweepFileError.self) { try read(text) }
        #expect(error?.faults.count == 1 && error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test("all faults come together, in the order of the file")
    func together() {
        let text = """
            name: Nope
            base: b
            data: d
            seeds: [1, x]
            evaluate: { prompts: [style], images: many }
            grops: 1
            groups:
              - grid: { lr: [1e-4, fast], dmi: [4] }
              - list: [ { algorithm: loha, dropout: 0.2 } ]
              - baseline: { layers: everything }
                vary: [ { lr: [] } ]
            """
        let error = #expect(throws: SweepFileError.self) { try read(text) }
        let lines = error?.faults.map(\.mark.line) ?? []
        #expect(lines == [1, 4, 5, 6, 8, 8, 9, 10, 11], "\(error?.description ?? "")")
    }

    @Test(
        "a syntax fault is reported alone, with its place",
        arguments: [
            ("name: t\nnope: 1\ngroups: [ { list: [ }", 3, "not valid YAML"),
            ("name: t\nname: u", 1, "twice in one map"),
            ("name: t\ndefaults: &d { lr: 1 }\ngroups: [ { list: [ { <<: *d } ] } ]", 3, "'<<'"),
            ("name: t\n? [a]\n: b", 2, "a key that is no text"),
            ("", 1, "the file is empty"),
            ("name: t\n---\nname: u", 2, "not valid YAML"),
            ("a: *b", 1, "not valid YAML"),
            ("a: !thing 1", 1, "means nothing here"),
            ("\tname: t", 1, "not valid YAML"),
        ])
    func syntax(text: String, line: Int, message: String) {
        let error = #expect(throws: SweepFileError.self) { try read(text) }
        #expect(error?.code == .syntax && error?.faults.count == 1, "\(error?.description ?? "")")
        #expect(error?.faults.first?.message.contains(message) == true, "\(error?.description ?? "")")
        #expect(error?.faults.first?.mark.line == line, "\(error?.description ?? "")")
    }

    @Test("bombs are refused, not detonated")
    func bombs() {
        var laughs = "name: t\na0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            let alias = "*a\(level - 1)"
            laughs += "a\(level): &a\(level) [" + Array(repeating: alias, count: 9).joined(separator: ", ") + "]\n"
        }
        let manyAliases = "a: &a 1\nb: [" + Array(repeating: "*a", count: 1001).joined(separator: ", ") + "]"
        let deep = "a: " + String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        let long = "a: " + String(repeating: "x", count: 1 << 20)
        let aliasKey = laughs + "? *a12\n: 1\n"
        for text in [laughs, manyAliases, deep, long, aliasKey, laughs + "*a12 : 1\n", laughs + "[*a12]: 1\n"] {
            let error = #expect(throws: SweepFileError.self) { try read(text) }
            #expect(error?.code == .syntax)
        }
    }

    @Test("a grid of a hundred million points is refused before it is made")
    func explosion() {
        let axis = "[" + (1...100).map(String.init).joined(separator: ", ") + "]"
        let error = #expect(throws: SweepFileError.self) {
            try read(core("{ grid: { dim: \(axis), alpha: \(axis), batch: \(axis), epochs: \(axis) } }"))
        }
        #expect(error?.description.contains("more than 1000000 points") == true)
    }

    @Test("a sweep that excludes everything is refused")
    func nothingLeft() {
        let error = #expect(throws: SweepFileError.self) {
            try read(core("{ list: [ { lr: 1 } ], exclude: [ { lr: 1 } ] }"))
        }
        #expect(error?.description.contains("the sweep has no jobs: every point is excluded") == true)
    }

    @Test("a missing input makes provisional jobs, and resolving them names both places")
    func missingInput() throws {
        let file = try read(core("{ list: [ { lr: 1 } ] }"), FakeInputs(missing: ["d"]))
        #expect(file.plan.jobs.allSatisfy { $0.provisional })
        let error = #expect(throws: SweepModelError.self) { try file.definition.resolvedJobs(file.plan) }
        #expect(error?.message.contains("looked for /sweeps/d and /work/d") == true)
    }
}
