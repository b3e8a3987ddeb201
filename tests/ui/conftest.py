# SPDX-License-Identifier: Apache-2.0
"""A real browser without a window, and the files that it opens."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def pytest_addoption(parser):
    parser.addoption("--screenshots", help="folder to leave pictures of each page in")


@pytest.fixture(scope="session")
def flame_graphs(tmp_path_factory):
    """Folder with the pages and pictures that flame_graph_files writes."""
    program = pathlib.Path(os.environ.get("FLAME_GRAPH_FILES", ROOT / "build/release/bin/flame_graph_files"))
    if not program.exists():
        pytest.skip(f"{program} is not built: ninja -C build/release flame_graph_files")
    folder = tmp_path_factory.mktemp("flame_graphs")
    subprocess.run([program, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def driver():
    webdriver = pytest.importorskip("selenium.webdriver", reason="python3-selenium is not installed")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    chrome = shutil.which("chromium")
    chromedriver = shutil.which("chromedriver")
    if not chrome or not chromedriver:
        pytest.skip("chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chrome
    # The sandbox needs another user than root; what is opened is our own.
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
                 "--window-size=1280,800"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(service=service.Service(chromedriver), options=options)
    yield browser
    browser.quit()


@pytest.fixture
def browser(driver):
    """The browser at 1280x800, by day, with an empty log."""
    set_view(driver, 1280, 800, "light")
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get_log("performance")
    return driver


def set_view(driver, width, height, scheme):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                           {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
