import Foundation
import SweepAnalysis
import Testing

/// Reports opened in a real browser, which measures them by a script put into the page.
@Suite("Report in a browser", .enabled(if: Browser.path != nil), .serialized)
struct ReportBrowserTests {
    private static let reports: [(name: String, make: @Sendable () throws -> SweepReport)] = [
        ("evaluated", SampleReports.evaluated), ("external", SampleReports.external),
        ("one seed", SampleReports.oneSeed),
    ]

    @Test(
        "no fault on the console, no page wider than its window, no text on another, every figure drawn",
        arguments: [0, 1, 2], [390, 1440])
    func opened(report: Int, width: Int) throws {
        let (name, make) = Self.reports[report]
        let found = try Browser.measure(try make().html(), width: width)
        #expect(found.width == width, "\(name)")
        #expect(found.faults.isEmpty, "\(name): \(found.faults)")
        #expect(found.scrollWidth <= width, "\(name): \(found.wide)")
        #expect(found.figures > 5 && found.blank.isEmpty, "\(name): \(found.blank)")
        #expect(found.overlaps.isEmpty, "\(name): \(found.overlaps)")
        // A tenth of a pixel for rounding.
        #expect(found.smallestText >= 10.9, "\(name): \(found.smallestText) px")
        #expect(found.pictures > 0 && found.brokenPictures == 0, "\(name)")
        #expect(found.differences > 0, "\(name)")
    }
}

/// A headless Chromium that opens one file and tells what it sees.
enum Browser {
    static let path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    struct Findings: Decodable {
        var width: Int
        var scrollWidth: Int
        /// Errors of scripts, refusals of the page's policy, and what was written to the console.
        var faults: [String]
        /// Elements that reach beyond the window and are in no scrolling box.
        var wide: [String]
        /// Figures that are shown.
        var figures: Int
        /// Names of figures without a size or without marks.
        var blank: [String]
        /// Texts of one figure that stand on each other.
        var overlaps: [String]
        /// In pixels on the screen.
        var smallestText: Double
        var pictures: Int
        var brokenPictures: Int
        /// Rows of the comparison.
        var differences: Int
    }

    struct Failure: Error { let text: String }

    static func measure(_ html: String, width: Int) throws -> Findings {
        let folder = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let page = html.replacing("</title>", with: "</title><script>\(listener)</script>", maxReplacements: 1)
            .replacing("</body>", with: "<script>\(measurement)</script></body>", maxReplacements: 1)
        try Data(page.utf8).write(to: folder.appending(path: "report.html"))
        // Windows have a smallest width; frames have not.
        let file = folder.appending(path: "frame.html")
        try Data(frame(width: width).utf8).write(to: file)
        let dom = try run([
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--user-data-dir=\(folder.path)/profile", "--no-first-run", "--window-size=\(max(width, 800)),1200",
            "--virtual-time-budget=20000", "--dump-dom", file.absoluteString,
        ])
        let parts = dom.components(separatedBy: "<script type=\"application/json\" id=\"findings\">")
        guard parts.count == 2, let json = parts[1].components(separatedBy: "</script>").first else {
            throw Failure(text: "no findings in \(dom.suffix(400))")
        }
        return try JSONDecoder().decode(Findings.self, from: Data(json.utf8))
    }

    private static func run(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: path ?? "")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    private static let listener = """
        window.faults = [];
        addEventListener("error", (event) => faults.push(String(event.message)), true);
        addEventListener("securitypolicyviolation", (event) => faults.push(event.violatedDirective));
        for (const kind of ["error", "warn"]) console[kind] = (...words) => faults.push(words.join(" "));
        """

    private static let measurement = #"""
        addEventListener("load", async () => {
          for (const details of document.querySelectorAll("details")) details.open = true;
          const images = [...document.images];
          for (const image of images) image.loading = "eager";
          // A picture out of sight may wait for ever.
          const wait = new Promise((resolve) => setTimeout(resolve, 5000));
          await Promise.race([wait, Promise.all(images.map((image) => image.decode().catch(() => {})))]);
          const shown = [...document.querySelectorAll(".figure svg[role=img]")].filter((svg) => svg.checkVisibility());
          const overlaps = [], blank = [];
          let smallest = 1000;
          for (const svg of shown) {
            const name = svg.getAttribute("aria-label");
            const box = svg.getBoundingClientRect();
            if (box.width < 200 || box.height < 40 || !svg.querySelector("path, rect, circle, line")) blank.push(name);
            const texts = [...svg.querySelectorAll("text")];
            const boxes = texts.map((text) => text.getBoundingClientRect());
            for (const text of texts)
              smallest = Math.min(smallest, parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a);
            for (let i = 0; i < texts.length; i++) {
              const a = boxes[i];
              if (a.left < box.left - 1 || a.right > box.right + 1) overlaps.push(`${name}: ${texts[i].textContent} leaves it`);
              for (let j = i + 1; j < texts.length; j++) {
                const b = boxes[j];
                // A line's box is higher than its letters.
                const deep = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) - 0.35 * Math.min(a.height, b.height);
                if (deep > 0 && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5)
                  overlaps.push(`${name}: ${texts[i].textContent} / ${texts[j].textContent}`);
              }
            }
          }
          const wide = [...document.querySelectorAll("main *")].filter((element) =>
            element.getBoundingClientRect().right > innerWidth + 0.5 && !element.closest(".scroll, svg"));
          const found = {
            width: innerWidth, scrollWidth: document.documentElement.scrollWidth, faults,
            wide: wide.slice(0, 8).map((element) => element.outerHTML.slice(0, 120)), figures: shown.length, blank,
            overlaps: overlaps.slice(0, 20), smallestText: smallest, pictures: images.length,
            brokenPictures: images.filter((image) => image.naturalWidth === 0).length,
            differences: document.querySelectorAll("#difference-table tbody tr").length,
          };
          parent.postMessage(JSON.stringify(found), "*");
        });
        """#

    private static func frame(width: Int) -> String {
        """
        <!doctype html><body style="margin: 0"><iframe src="report.html" style="width: \(width)px; height: 1200px; \
        border: 0"></iframe><script>
        addEventListener("message", (event) => {
          const script = document.createElement("script");
          script.type = "application/json";
          script.id = "findings";
          script.textContent = event.data.replaceAll("<", "\\u003c");
          document.body.append(script);
        });
        </script>
        """
    }
}
