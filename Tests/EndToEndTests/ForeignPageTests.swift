import Foundation
import TestSupport
import Testing

/// A real browser that is let in at a real coordinator, and pages of other origins beside it.
@Suite(
    "Pages from elsewhere reach nothing; the coordinator's own page works",
    .enabled(if: Chromium.path != nil, "NOT TESTED: no Chromium here; `make setup` installs it"), .serialized)
struct ForeignPageTests {
    private static let sweep = """
        name: victim
        trainer: { command: ["true", "{lr}"] }
        seeds: [1, 2]
        groups: [ { name: g, grid: { lr: [1e-4, 1e-3] } } ]
        """

    /// Everything that a call could have changed.
    private static func state(_ house: House) throws -> String {
        let counts = ["sweep", "job", "worker", "token", "audit"].map { "(SELECT count(*) FROM \($0)) AS \($0)s" }
        let tokens = try house.radiata(["token", "list", "--format", "json"]).output
        let shown = counts.filter { !$0.contains("token") }.joined(separator: ", ")
        let rows = try house.radiata(["query", "SELECT \(shown)", "--format", "json"]).output
        let jobs = try house.radiata(["query", "SELECT id, state FROM jobs ORDER BY id", "--format", "json"]).output
        let backups = (try? FileManager.default.contentsOfDirectory(atPath: house.data + "/backups")) ?? []
        return [tokens, rows, jobs, "\(backups.count)"].joined(separator: "\n")
    }

    /// Launches the sweep, lets a browser in by a one-time link and waits for the page.
    private static func enter(_ house: House, _ chromium: Chromium) throws -> Chromium.Tab {
        try house.startCoordinator()
        let file = try house.folder.write("victim.yaml", sweep)
        try #require(try house.radiata(["launch", file]).status == 0)
        let opened = try house.radiata(["open", "--no-browser"])
        try #require(opened.status == 0, "\(opened)")
        let tab = try chromium.open(opened.output.trimmingCharacters(in: .whitespacesAndNewlines))
        try chromium.wait("location.pathname === '/' && document.body.innerText.includes('victim')", in: tab)
        return tab
    }

    @Test(
        "one-time links let a browser in, once; its page shows jobs, and changes them with its own secret",
        .timeLimit(.minutes(15)))
    func dashboard() throws {
        let house = try House()
        let chromium = try Chromium()
        let tab = try Self.enter(house, chromium)
        // What `coordinator run` printed is good for another browser.
        let printed = try String(contentsOfFile: house.folder.path + "/coordinator-1.out", encoding: .utf8)
        let link = try #require(printed.split(whereSeparator: \.isWhitespace).first { $0.contains("/open?code=") })
        let second = try Chromium()
        let other = try second.open(String(link))
        try second.wait("location.pathname === '/' && document.body.innerText.includes('victim')", in: other)
        let third = try Chromium()
        let late = try third.open(String(link))
        try third.wait("document.body.innerText.includes('used already')", in: late)

        for (button, count) in [("pause", 4), ("unpause", 0)] {
            try chromium.wait("document.querySelector('button[data-action=\(button)]') !== null", in: tab)
            _ = try chromium.evaluate("document.querySelector('button[data-action=\(button)]').click()", in: tab)
            // It says what it will do, and does it when it is told to.
            try chromium.wait("document.querySelector('dialog button[value=go]')?.disabled === false", in: tab)
            _ = try chromium.evaluate("document.querySelector('dialog button[value=go]').click()", in: tab)
            try house.eventually("the page's \(button) button") {
                let paused = try house.count("SELECT count(*) FROM jobs WHERE state = 'paused'")
                return paused == count ? nil : "\(paused) jobs are paused"
            }
        }
        // Another tab of the browser goes on; without the page's secret the cookie reads nothing.
        let reading = try chromium.open(house.url)
        try chromium.wait("document.body.innerText.includes('victim')", in: reading)
        _ = try chromium.evaluate("localStorage.clear(); location.reload()", in: reading)
        try chromium.wait("location.pathname === '/login' && !document.body.innerText.includes('victim')", in: reading)
    }

    @Test(
        "forms, fetch, frames, sandboxed frames, WebSockets and popups of pages on another port",
        .timeLimit(.minutes(15)))
    func foreignPages() throws {
        let house = try House()
        let chromium = try Chromium()
        let tab = try Self.enter(house, chromium)
        let server = try PageServer(pages: AttackPage.pages)
        let before = try Self.state(house)
        for place in ["127.0.0.1", "localhost"] {
            for page in ["attack", "frame"] {
                let attack = try chromium.open("http://\(place):\(server.port)/\(page)?target=\(house.url)")
                try chromium.wait("document.title === 'done'", in: attack, seconds: 120)
                let gained = try #require(try chromium.evaluate("window.gained", in: attack) as? [String])
                #expect(gained.isEmpty, "\(page) at \(place) reached \(gained)")
                #expect(try Self.state(house) == before, "\(page) at \(place) changed something")
            }
        }
        // Nobody was logged out either.
        try chromium.navigate(tab, to: house.url)
        try chromium.wait("location.pathname === '/' && document.body.innerText.includes('victim')", in: tab)
    }

    @Test(
        "the page of the test does what it says: a server that lets everybody in is reached", .timeLimit(.minutes(15)))
    func thePageCanAttack() throws {
        let chromium = try Chromium()
        let server = try PageServer(pages: AttackPage.pages)
        let victim = try PageServer(pages: [:])
        let attack = try chromium.open(
            "http://localhost:\(server.port)/attack?target=http://127.0.0.1:\(victim.port)")
        try chromium.wait("document.title === 'done'", in: attack, seconds: 120)
        let gained = try #require(try chromium.evaluate("window.gained", in: attack) as? [String])
        #expect(gained.contains("cors /v1/sweeps") && gained.contains("page /v1/actions"))
        let posts = victim.requests.filter { $0.head.hasPrefix("POST /v1/actions ") }
        let types = Set(posts.compactMap { $0.header("Content-Type")?.prefix { $0 != ";" } }.map(String.init))
        #expect(
            types.isSuperset(of: [
                "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json",
            ]))
        #expect(posts.contains { $0.header("Content-Type") == nil })
        #expect(posts.contains { $0.body.hasPrefix(#"{"action":"cancel","target":"victim","x":"#) })
        #expect(victim.requests.contains { $0.header("Upgrade") == "websocket" })
        #expect(posts.contains { $0.header("Sec-Fetch-Site") == "cross-site" && $0.header("Origin") != nil })
    }
}
