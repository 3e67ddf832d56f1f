import RunSpec
import SweepModel
import Testing

@Suite("Arithmetic")
struct ArithmeticExpressionTests {
    @Test(
        "is what arithmetic is",
        arguments: [
            ("dim / 2", 4), ("2 + 3 * dim", 26), ("(2 + 3) * dim", 40), ("-dim + 10", 2), ("8 - 4 - 2", 2),
            ("64 / 4 / 2", 8),
            ("dim*(alpha-1)/2", 8), ("1e1 + .5", 10.5), ("2 * -3", -6), ("--2", 2), ("1e-1*10", 1),
        ] as [(String, Double)])
    func value(text: String, expected: Double) throws {
        let expression = try ArithmeticExpression(text)
        #expect(try expression.value(["dim": 8, "alpha": 3]) == expected)
    }

    @Test("names its parameters once, in order")
    func names() throws {
        #expect(try ArithmeticExpression("b * (a + b) / c_1").names == ["b", "a", "c_1"])
    }

    @Test(
        "refuses what is none",
        arguments: [
            "", "dim /", "* 2", "(dim", "dim)", "dim 2", "dim ^ 2", "1.2.3", "sqrt(2)", "dim; 1",
            String(repeating: "(", count: 500),
        ])
    func refused(text: String) {
        let error = #expect(throws: SweepModelError.self) { try ArithmeticExpression(text) }
        #expect(error?.code == .badExpression)
    }

    @Test("refuses a result that is no number")
    func division() throws {
        let expression = try ArithmeticExpression("1 / (dim - 8)")
        let error = #expect(throws: SweepModelError.self) { try expression.value(["dim": 8]) }
        #expect(error?.message.contains("dim = 8") == true)
    }
}

@Suite("Command templates")
struct CommandTemplateTests {
    @Test(
        "only names in braces are filled in",
        arguments: [
            ("--lr={lr}", "--lr=0.0005"),
            ("{out}/a{lr}b", "/o/a0.0005b"),
            (#"{"lr": {lr}, "x": {}}"#, #"{"lr": 0.0005, "x": {}}"#),
            ("{{lr}} and ${lr} and {1} and { lr }", "{lr} and ${lr} and {1} and { lr }"),
            ("{{{lr}}}", "{{lr}}"), ("{", "{"), ("", ""), ("{lr", "{lr"),
        ])
    func rendered(text: String, expected: String) throws {
        #expect(try CommandTemplate(text).rendered(["lr": "0.0005", "out": "/o"]) == expected)
    }

    @Test("a name without a value is refused")
    func missing() {
        #expect(throws: SweepModelError.self) { try CommandTemplate("{nope}").rendered([:]) }
    }

    @Test(
        "values are written plainly",
        arguments: [
            (5e-4, "0.0005"), (1e-6, "0.000001"), (1e-7, "1e-7"), (8, "8"), (true, "true"), ("a b", "a b"),
            ([0.9, 0.99], "[0.9, 0.99]"),
        ] as [(ParameterValue, String)])
    func values(value: ParameterValue, text: String) throws {
        #expect(try CommandTemplate.text(of: value) == text)
    }
}
