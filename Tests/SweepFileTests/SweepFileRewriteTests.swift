import SweepFile
import Testing

@Suite("Other jobs in a sweep file")
struct SweepFileRewriteTests {
    private static let fragment = "seeds: [3]\ngroups:\n  - name: advised\n    list:\n      - { \"lr\": 1 }\n"

    @Test("seeds, defaults and groups go with all that belongs to them; comments and the rest stay")
    func replaced() {
        let text = """
            # mine
            name: mine
            "seeds" : [1, 2]   # two
            base: base/emoji-64
            defaults:
              epochs: 2

              # of no use
            evaluate: { images: 3 }
            groups:
            - name: a
              grid: { lr: [1, 2] }
            # the end
            - name: b
              list: [ { lr: 4 } ]
            keep: { last: 1 }

            """
        let rewritten = SweepFileRewrite.replacingJobs(in: text, with: Self.fragment)
        #expect(
            rewritten == """
                # mine
                name: mine
                base: base/emoji-64
                evaluate: { images: 3 }
                keep: { last: 1 }

                """ + Self.fragment)
    }

    @Test("a file in flow style, or without groups, is left to its author")
    func refused() {
        #expect(SweepFileRewrite.replacingJobs(in: "{ name: mine, groups: [] }", with: Self.fragment) == nil)
        #expect(SweepFileRewrite.replacingJobs(in: "name: mine\n", with: Self.fragment) == nil)
        #expect(SweepFileRewrite.replacingJobs(in: "name: mine\n{ groups: [] }\n", with: Self.fragment) == nil)
    }
}
