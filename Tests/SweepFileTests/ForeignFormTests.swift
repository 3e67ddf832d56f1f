import RunSpec
import SweepFile
import SweepModel
import Testing

/// W&B's forms are named as such, with the right one; and values that a program would take for options.
@Suite("Foreign forms")
struct ForeignFormTests {
    static let nested =
        "optimizer: { parameters: { learning_rate: { values: [0.01, 0.001] }, momentum: { value: 0.9 } } }"

    static let cases: [(group: String, words: [String])] = [
        (
            "{ grid: { \(nested) } }",
            ["W&B's nested 'parameters'", "learning_rate: [0.01, 0.001]", "momentum: 0.9", "\"{learning_rate}\""]
        ),
        ("{ list: [ { \(nested) } ] }", ["W&B's nested 'parameters'", "learning_rate: [0.01, 0.001]"]),
        ("{ grid: { optimizer: { value: adam } } }", ["W&B's form", "optimizer: adam"]),
        ("{ baseline: { optimizer: { values: [adam, sgd] } } }", ["W&B's form", "optimizer: [adam, sgd]"]),
        (
            "{ grid: { optimizer: { distribution: log_uniform_values, min: 1e-5, max: 1e-2 } } }",
            ["W&B's form", "optimizer: { log: [1e-5, 1e-2] } in the 'space' of a 'sample'"]
        ),
        ("{ grid: { optimizer: { min: 1, max: 8 } } }", ["optimizer: { int: [1, 8] }"]),
        ("{ grid: { optimizer: { min: 0.0, max: 0.5 } } }", ["optimizer: { uniform: [0.0, 0.5] }"]),
        (
            "{ sample: { count: 2 }, space: { optimizer: { values: [1, 2] } } }",
            ["W&B's form", "optimizer: { choice: [1, 2] }"]
        ),
        (
            "{ sample: { count: 2 }, space: { optimizer: { distribution: uniform, min: 0, max: 1 } } }",
            ["W&B's form", "optimizer: { uniform: [0, 1] }"]
        ),
    ]

    @Test("a parameter in W&B's form is refused with ours", arguments: cases)
    func parameters(group: String, words: [String]) {
        let text = "name: t\ntrainer: { command: [run, \"--o={optimizer}\"] }\ngroups:\n  - \(group)\n"
        let error = #expect(throws: SweepFileError.self) { try read(text) }
        let message = error?.description ?? ""
        #expect(error?.faults.count == 1 && error?.faults[0].mark.line == 4, "\(message)")
        for word in words { #expect(message.contains(word), "\(message)") }
    }

    @Test("the same for a parameter of the core")
    func coreParameter() {
        let group = "{ grid: { lr: { distribution: log_uniform_values, min: 1e-5, max: 1e-2 } } }"
        let error = #expect(throws: SweepFileError.self) { try read(core(group)) }
        #expect(error?.description.contains("lr: { log: [1e-5, 1e-2] }") == true, "\(error?.description ?? "")")
    }

    @Test("W&B's keys at the top are named, with the form that is right here")
    func top() {
        let text = """
            program: train.py
            method: grid
            metric: { name: loss, goal: minimize }
            parameters:
              learning_rate: { values: [0.01, 0.001] }
              momentum: { value: 0.9 }
            """
        let error = #expect(throws: SweepFileError.self) { try read(text) }
        let message = error?.description ?? ""
        for word in [
            "s.yaml:1:1: unknown key 'program' in a sweep file; it is W&B's; write trainer:",
            "s.yaml:2:1: unknown key 'method' in a sweep file; it is W&B's",
            "s.yaml:3:1: unknown key 'metric'", "radiata top SWEEP --metric M",
            "groups: [ { grid: { learning_rate: [0.01, 0.001], momentum: 0.9 } } ]",
        ] {
            #expect(message.contains(word), "\(word)\n\(message)")
        }
    }

    @Test("our own axes and maps that only look a little like W&B's are left alone")
    func ours() throws {
        let text = """
            name: t
            trainer: { command: [run, "--a={a}", "--b={b}", "--c={c}"] }
            groups:
              - grid: { a: { values: [1, 2] }, b: { values: [3], when: { a: 1 } }, c: { min: 1, other: 2 } }
                baseline: { b: 0 }
            """
        let file = try read(text)
        #expect(file.plan.jobs.count == 2)
        #expect(file.plan.configurations[0].given["c"] == ["min": 1, "other": 2])
    }

    // MARK: Values that begin with a dash

    static let commands = [
        (command: "[run, \"{flag}\"]", isRefused: true), (command: "[run, \"{flag}.txt\"]", isRefused: true),
        (command: "[run, \"--flag={flag}\"]", isRefused: false), (command: "[run, \"x{flag}\"]", isRefused: false),
    ]

    @Test(
        "a text that begins with a dash may not stand alone as an argument: refused with its line", arguments: commands)
    func leadingDash(command: String, isRefused: Bool) throws {
        let text = """
            name: t
            trainer: { command: \(command) }
            groups:
              - grid:
                  flag: [plain,
                    --output=/etc/passwd]
            """
        guard isRefused else {
            #expect(try read(text).plan.jobs.count == 2)
            return
        }
        let error = #expect(throws: SweepFileError.self) { try read(text) }
        #expect(error?.faults.map(\.mark) == [SourceMark(line: 6, column: 9)], "\(error?.description ?? "")")
        #expect(
            error?.description.contains("taken for an option") == true
                && error?.description.contains("--flag={flag}") == true)
    }

    @Test(
        "wherever the value stands, and in every command of the trainer",
        arguments: [
            "{ list: [ { flag: -v } ] }", "{ baseline: { flag: -v } }", "{ baseline: {}, vary: [ { flag: [a, -v] } ] }",
            "{ sample: { count: 1 }, space: { flag: { choice: [-v, -v] } } }",
            "{ grid: { zip: [ { flag: [\"-v\"] } ] } }",
        ])
    func everywhere(group: String) {
        for trainer in [
            "{ command: [run, \"{flag}\"] }", "{ command: [run], resume: [\"{flag}\"] }",
            "{ command: [run], evaluate: [judge, \"{flag}\"] }",
        ] {
            let error = #expect(throws: SweepFileError.self) {
                try read("name: t\ntrainer: \(trainer)\ngroups: [ \(group) ]\n")
            }
            #expect(error?.faults.first?.message.contains("taken for an option") == true, "\(error?.description ?? "")")
        }
        let defaults = #expect(throws: SweepFileError.self) {
            try read(
                "name: t\ntrainer: { command: [run, \"{flag}\"] }\ndefaults: { flag: -v }\ngroups: [ { grid: { x: [1] } } ]\n"
            )
        }
        #expect(defaults?.faults.first?.mark == SourceMark(line: 3, column: 19))
    }

    @Test("negative numbers are values")
    func negativeNumbers() throws {
        let file = try read(
            "name: t\ntrainer: { command: [run, \"{x}\"] }\ngroups: [ { grid: { x: [-1, -0.5, \"-3\"] } } ]\n")
        #expect(file.plan.jobs.count == 3)
    }
}
