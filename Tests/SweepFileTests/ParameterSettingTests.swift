import RunSpec
import SweepFile
import Testing

@Suite("Settings on a command line")
struct ParameterSettingTests {
    @Test(
        "values read as in a sweep file",
        arguments: [
            ("lr=2e-4", "lr", .number(2e-4)), ("dim=010", "dim", .number(10)), ("on=on", "on", .text("on")),
            ("betas=[0.9, 0.99]", "betas", .list([.number(0.9), .number(0.99)])), ("dora=true", "dora", .flag(true)),
            ("alpha=null", "alpha", .null), ("note='a: b'", "note", .text("a: b")), ("a=b=c", "a", .text("b=c")),
        ] as [(String, String, ParameterValue)])
    func values(text: String, name: String, value: ParameterValue) throws {
        let setting = try ParameterSetting(text)
        #expect(setting.name == name && setting.value == value)
    }

    @Test("what is no setting is refused", arguments: ["lr", "=1", "lr=", "l r=1", "lr=[1", "lr=.inf", "lr=1e17"])
    func refused(text: String) { #expect(throws: SweepFileError.self) { try ParameterSetting(text) } }
}
