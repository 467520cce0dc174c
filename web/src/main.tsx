// The page starts here.
import { render } from 'preact';
import { startApp } from './app_state.ts';
import { App } from './components/app.tsx';
import { followLocale } from './i18n/index.ts';
import { followSettings } from './settings.ts';

followSettings();
followLocale();
startApp();
render(<App />, document.getElementById('app') as HTMLElement);
